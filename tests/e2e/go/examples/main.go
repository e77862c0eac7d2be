// Reads every example in the bytes of the log and writes it again: examples schemas/avro schemas/examples
// Out, a line each: {"file": "ReviewDecided/v1.full.bin", "event": "ReviewDecided", "value": "AAAAA…"}, in base64
package main

import (
	"os"
	"path/filepath"
	"strings"

	"hitl.example/clients/wire"
)

func main() {
	schemas, err := wire.Load(os.Args[1])
	wire.Must(err)
	files, err := filepath.Glob(filepath.Join(os.Args[2], "*", "*.bin"))
	wire.Must(err)
	for _, path := range files {
		value, err := os.ReadFile(path)
		wire.Must(err)
		var fields map[string]any
		event, err := schemas.Decode(value, &fields)
		wire.Must(err)
		file, err := filepath.Rel(os.Args[2], path)
		wire.Must(err)
		again, err := schemas.Encode(strings.Split(file, ".")[0], fields)
		wire.Must(err)
		wire.Say(map[string]any{"file": filepath.ToSlash(file), "event": event, "value": again})
	}
}
