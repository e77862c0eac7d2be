// Reads every example in the bytes of the log and writes it again: node examples.mjs schemas/avro schemas/examples
// Out, a line each: {"file": "ReviewDecided/v1.full.bin", "event": "ReviewDecided", "value": "AAAAA…"}, in base64
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Schemas, say } from './wire.mjs';

const [folder, examples] = process.argv.slice(2);
const schemas = new Schemas(folder);
for (const name of readdirSync(examples)) {
  for (const file of readdirSync(join(examples, name)).filter((each) => each.endsWith('.bin'))) {
    const value = readFileSync(join(examples, name, file));
    const [event, fields] = schemas.decode(value);
    const again = schemas.encode(`${name}/${file.split('.')[0]}`, fields);
    say({ file: `${name}/${file}`, event, value: again.toString('base64') });
  }
}
