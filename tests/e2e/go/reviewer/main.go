// A reviewer app whose person is the standard input: reviewer BROKER PREFIX schemas/avro REVIEWER
//
// Out, a line for each case that people are asked about, with the request and the model's recommendation:
//
//	{"asked": "post-1", "content": "...", "classes": [...], "priority": "high", "reason": "...", "recommendation": null, …}
//
// In, a line for each answer: {"request_id": "post-1", "action": "approve", "confidence": 0.9}
// (with the "label" that is chosen, where rejecting leaves several)
// Out, what became of it:     {"accepted": "post-1"} or {"refused": "post-1", "reason": "...", "detail": "..."}
// To have a case for oneself first:  {"request_id": "post-1", "command": "claim"}
// Out, what became of it:     {"granted": "post-1", "lease": 2}, and the answer then carries the "lease". Where identity
// is on, answers and commands carry a "token" of the gateway.
// It ends at the first refusal (exit status 3), or when the input has ended and nothing is open. To see what is refused,
// an answer may also name its "review", a "partition", or the whole "value" in base64.
package main

import (
	"context"
	"os"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"hitl.example/clients/wire"
)

type app struct {
	schemas          *wire.Schemas
	prefix, reviewer string
	client, byHand   *kgo.Client
	cases            map[string]coordinates  // request id -> its newest announcement
	verdicts         map[coordinates]verdict // answer -> what casework said about it; it may come before we ask
	open             map[coordinates]string  // answer or command -> request id
}

func (a *app) heard(r *kgo.Record) {
	topic := strings.TrimPrefix(r.Topic, a.prefix)
	if topic == "assignments" {
		var v verdict
		kind, err := a.schemas.Decode(r.Value, &v)
		wire.Must(err)
		v.kind = kind
		a.verdicts[v.Cause] = v // the cause names the record that it answers
		return
	}
	var c announced
	_, err := a.schemas.Decode(r.Value, &c)
	wire.Must(err)
	a.cases[c.RequestID] = coordinates{topic, r.Partition, r.Offset}
	var sent request
	wire.Must(a.schemas.DecodeBody(c.RequestBody, c.RequestFingerprint, &sent))
	var content any
	if sent.Payload != nil {
		content = string(sent.Payload.Body)
	}
	wire.Say(map[string]any{"asked": c.RequestID, "content": content, "classes": c.Classes, "priority": c.Priority, "reason": c.Reason,
		"recommendation": c.Recommendation, "review": a.cases[c.RequestID]})
}

func (a *app) answer(in answer) {
	topic, value := a.written(in)
	record, sender := &kgo.Record{Topic: a.prefix + topic, Key: []byte(in.RequestID), Value: value}, a.client
	if in.Partition != nil {
		record.Partition, sender = *in.Partition, a.byHand
	}
	wire.Must(sender.ProduceSync(context.Background(), record).FirstErr())
	wire.Say(map[string]any{"decided": in.RequestID, "partition": record.Partition, "offset": record.Offset})
	if in.Value == nil {
		a.open[coordinates{topic, record.Partition, record.Offset}] = in.RequestID
	}
}

// written makes the value of an answer or a command, and says on which topic it belongs.
func (a *app) written(in answer) (string, []byte) {
	if in.Value != nil {
		return "review-decisions", in.Value
	}
	if in.Command != "" {
		value, err := a.schemas.Encode("CaseActionRequested/v1", command{newID(), in.RequestID, a.reviewer, in.Command, in.Lease, in.Token})
		wire.Must(err)
		return "review-commands", value
	}
	made := decision{newID(), in.RequestID, a.cases[in.RequestID], a.reviewer, in.Action, in.Label, in.Confidence, in.Lease, in.Token}
	if in.Review != nil {
		made.Review = *in.Review
	}
	value, err := a.schemas.Encode("ReviewDecided/v1", made)
	wire.Must(err)
	return "review-decisions", value
}

// settle says what became of answers, and ends the program at the first refusal.
func (a *app) settle() {
	for at, requestID := range a.open {
		v, said := a.verdicts[at]
		if !said {
			continue
		}
		delete(a.open, at)
		switch v.kind {
		case "DecisionRefused", "CommandRefused":
			wire.Say(map[string]any{"refused": requestID, "reason": v.Reason, "detail": v.Detail})
			os.Exit(3)
		case "LeaseGranted":
			wire.Say(map[string]any{"granted": requestID, "lease": v.Lease})
		default:
			wire.Say(map[string]any{"accepted": requestID})
		}
	}
}

func main() {
	schemas, err := wire.Load(os.Args[3])
	wire.Must(err)
	a := &app{schemas: schemas, prefix: os.Args[2], reviewer: os.Args[4], cases: map[string]coordinates{},
		verdicts: map[coordinates]verdict{}, open: map[coordinates]string{}}
	topics := []string{"review.urgent", "review.high", "review.normal", "review.low", "assignments"}
	for i, name := range topics {
		topics[i] = a.prefix + name
	}
	// The default partitioner hashes keys by murmur2, as Java does: nothing to be told.
	a.client, err = kgo.NewClient(kgo.SeedBrokers(os.Args[1]), kgo.ConsumeTopics(topics...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	wire.Must(err)
	a.byHand, err = kgo.NewClient(kgo.SeedBrokers(os.Args[1]), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	wire.Must(err)
	answers, records := answersFrom(os.Stdin), recordsOf(a.client)
	for answers != nil || len(a.open) > 0 {
		select {
		case r := <-records:
			a.heard(r)
		case in, more := <-answers:
			if more {
				a.answer(in)
			} else {
				answers = nil // the input has ended
			}
		}
		a.settle()
	}
}
