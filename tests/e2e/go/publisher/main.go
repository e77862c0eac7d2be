// Publishes requests and waits for their outcomes: publisher BROKER PREFIX schemas/avro
//
// In, a line each:  {"request_id": "post-1", "workflow": "content_moderation", "text": "See you tonight?"}
// Out, a line each: {"outcome": "approved", "request_id": "post-1", "decided_by": "reviewer", "label": "..."}
// To see what is refused, a line may name a "partition", or the whole "value" in base64; no outcome is awaited then.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"

	"github.com/twmb/franz-go/pkg/kgo"
	"hitl.example/clients/wire"
)

type line struct {
	RequestID string `json:"request_id"`
	Workflow  string `json:"workflow"`
	Text      string `json:"text"`
	Partition *int32 `json:"partition"`
	Value     []byte `json:"value"`
}

type payload struct {
	Encoding    string `avro:"encoding"`
	ContentType string `avro:"content_type"`
	Body        []byte `avro:"body"`
}

type request struct {
	RequestID string   `avro:"request_id"`
	Workflow  string   `avro:"workflow"`
	Payload   *payload `avro:"payload"`
}

type decisionMade struct {
	RequestID string `avro:"request_id"`
	Outcome   string `avro:"outcome"`
	DecidedBy string `avro:"decided_by"`
	Label     string `avro:"label"`
}

func main() {
	broker, prefix := os.Args[1], os.Args[2]
	schemas, err := wire.Load(os.Args[3])
	wire.Must(err)
	// The default partitioner hashes keys by murmur2, as Java does: nothing to be told.
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.ConsumeTopics(prefix+"outcomes"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	wire.Must(err)
	defer client.Close()
	byHand, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	wire.Must(err)
	defer byHand.Close()
	ctx, open := context.Background(), map[string]bool{} // ids of requests without an outcome

	for input := json.NewDecoder(os.Stdin); ; {
		var l line
		if err := input.Decode(&l); errors.Is(err, io.EOF) {
			break
		} else {
			wire.Must(err)
		}
		record, sender := &kgo.Record{Topic: prefix + "requests", Key: []byte(l.RequestID), Value: l.Value}, client
		if l.Value == nil {
			text, _ := json.Marshal(map[string]string{"text": l.Text})
			sent := request{l.RequestID, l.Workflow, &payload{"plain", "application/json", text}}
			record.Value, err = schemas.Encode("DecisionRequested/v1", sent)
			wire.Must(err)
		}
		if l.Partition != nil {
			record.Partition, sender = *l.Partition, byHand
		}
		wire.Must(sender.ProduceSync(ctx, record).FirstErr())
		wire.Say(map[string]any{"published": l.RequestID, "partition": record.Partition, "offset": record.Offset})
		if l.Value == nil && l.Partition == nil {
			open[l.RequestID] = true
		}
	}
	for len(open) > 0 {
		fetched := client.PollFetches(ctx)
		wire.Must(fetched.Err())
		fetched.EachRecord(func(r *kgo.Record) {
			var made decisionMade
			_, err := schemas.Decode(r.Value, &made)
			wire.Must(err)
			if open[made.RequestID] {
				delete(open, made.RequestID)
				wire.Say(map[string]any{"outcome": made.Outcome, "request_id": made.RequestID,
					"decided_by": made.DecidedBy, "label": made.Label})
			}
		})
	}
}
