// Package wire reads and writes the bytes of a record: 0, the schema's id in four bytes, the Avro body.
// Ids and schemas come from schemas/avro.
package wire

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hamba/avro/v2"
)

type entry struct {
	ID          uint32 `json:"id"`
	Fingerprint string `json:"fingerprint"`
	schema      avro.Schema
}

// Schemas are the published schemas by name and version, by id and by fingerprint.
type Schemas struct {
	byKey         map[string]entry
	byID          map[uint32]string
	byFingerprint map[string]string
}

// Load reads ids.json and every .avsc that it names.
func Load(folder string) (*Schemas, error) {
	s := &Schemas{map[string]entry{}, map[uint32]string{}, map[string]string{}}
	list, err := os.ReadFile(filepath.Join(folder, "ids.json"))
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(list, &s.byKey); err != nil {
		return nil, err
	}
	for key, e := range s.byKey {
		source, err := os.ReadFile(filepath.Join(folder, key+".avsc"))
		if err != nil {
			return nil, err
		}
		// A cache for each: every file stands alone and declares the types that it uses.
		e.schema, err = avro.ParseBytesWithCache(source, "", &avro.SchemaCache{})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		s.byKey[key], s.byID[e.ID], s.byFingerprint[e.Fingerprint] = e, key, key
	}
	return s, nil
}

// Encode makes the value of a record; key is such as ReviewDecided/v1. Fields left out have the schema's default.
func (s *Schemas) Encode(key string, event any) ([]byte, error) {
	e := s.byKey[key]
	body, err := avro.Marshal(e.schema, event)
	return append(binary.BigEndian.AppendUint32([]byte{0}, e.ID), body...), err
}

// Decode reads a record's value into event and names what it is, without the version.
func (s *Schemas) Decode(value []byte, event any) (string, error) {
	key := s.byID[binary.BigEndian.Uint32(value[1:5])]
	return strings.Split(key, "/")[0], avro.Unmarshal(s.byKey[key].schema, value[5:], event)
}

// DecodeBody reads a request as it lies in other events: a body alone, its schema named by fingerprint.
func (s *Schemas) DecodeBody(body, fingerprint []byte, event any) error {
	return avro.Unmarshal(s.byKey[s.byFingerprint[hex.EncodeToString(fingerprint)]].schema, body, event)
}

// Say prints one line of JSON.
func Say(line map[string]any) { _ = json.NewEncoder(os.Stdout).Encode(line) }

// Must ends the program with an error.
func Must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
