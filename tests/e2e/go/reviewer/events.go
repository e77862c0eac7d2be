package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"

	"github.com/twmb/franz-go/pkg/kgo"
	"hitl.example/clients/wire"
)

// Of each event the fields that this app uses; the others are passed over.

type coordinates struct {
	Topic     string `avro:"topic" json:"topic"`
	Partition int32  `avro:"partition" json:"partition"`
	Offset    int64  `avro:"offset" json:"offset"`
}

type recommendation struct {
	Label      string  `avro:"label" json:"label"`
	Confidence float64 `avro:"confidence" json:"confidence"`
}

type announced struct {
	RequestID          string          `avro:"request_id"`
	Classes            []string        `avro:"classes"`
	Priority           string          `avro:"priority"`
	Reason             string          `avro:"reason"`
	Recommendation     *recommendation `avro:"recommendation"`
	RequestBody        []byte          `avro:"request_body"`
	RequestFingerprint []byte          `avro:"request_fingerprint"`
}

type request struct {
	Payload *struct {
		Body []byte `avro:"body"`
	} `avro:"payload"`
}

type decision struct {
	DecisionID string      `avro:"decision_id"`
	RequestID  string      `avro:"request_id"`
	Review     coordinates `avro:"review"`
	ReviewerID string      `avro:"reviewer_id"`
	Action     string      `avro:"action"`
	Label      *string     `avro:"label"`
	Confidence float64     `avro:"confidence"`
	Lease      *int64      `avro:"lease"`
	Token      *string     `avro:"token"`
}

type command struct {
	CommandID  string  `avro:"command_id"`
	RequestID  string  `avro:"request_id"`
	ReviewerID string  `avro:"reviewer_id"`
	Action     string  `avro:"action"`
	Lease      *int64  `avro:"lease"`
	Token      *string `avro:"token"`
}

type verdict struct {
	kind   string
	Cause  coordinates `avro:"cause"`
	Reason string      `avro:"reason"`
	Detail string      `avro:"detail"`
	Lease  int64       `avro:"lease"`
}

type answer struct {
	RequestID  string       `json:"request_id"`
	Command    string       `json:"command"`
	Action     string       `json:"action"`
	Label      *string      `json:"label"`
	Confidence float64      `json:"confidence"`
	Lease      *int64       `json:"lease"`
	Token      *string      `json:"token"`
	Review     *coordinates `json:"review"`
	Partition  *int32       `json:"partition"`
	Value      []byte       `json:"value"`
}

func answersFrom(input io.Reader) <-chan answer {
	answers := make(chan answer)
	go func() {
		defer close(answers)
		for lines := json.NewDecoder(input); ; {
			var in answer
			if err := lines.Decode(&in); errors.Is(err, io.EOF) {
				return
			} else {
				wire.Must(err)
			}
			answers <- in
		}
	}()
	return answers
}

func recordsOf(client *kgo.Client) <-chan *kgo.Record {
	records := make(chan *kgo.Record)
	go func() {
		for {
			fetched := client.PollFetches(context.Background())
			wire.Must(fetched.Err())
			fetched.EachRecord(func(r *kgo.Record) { records <- r })
		}
	}()
	return records
}

func newID() string {
	id := make([]byte, 16)
	_, err := rand.Read(id)
	wire.Must(err)
	return hex.EncodeToString(id)
}
