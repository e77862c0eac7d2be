// Says what is wrong with AsyncAPI documents, a JSON object for each: node asyncapi_check.mjs FILE…
import { readFileSync } from 'node:fs';
import { AvroSchemaParser } from '@asyncapi/avro-schema-parser';
import { DiagnosticSeverity, Parser } from '@asyncapi/parser';
import { say } from './wire.mjs';

const avro = AvroSchemaParser();
const parser = new Parser();
parser.registerSchemaParser(avro);
for (const file of process.argv.slice(2)) {
  const source = readFileSync(file, 'utf8');
  const { document, diagnostics } = await parser.parse(source);
  const wrong = diagnostics.filter(({ severity }) => severity <= DiagnosticSeverity.Warning);
  // Of an AsyncAPI 3 document the parser converts Avro payloads, but it does not validate them.
  for (const [name, { payload }] of Object.entries(JSON.parse(source).components.messages)) {
    wrong.push(...await avro.validate({ data: payload.schema, path: ['components', 'messages', name, 'payload'] }));
  }
  say({ file, version: document?.version() ?? null, wrong: wrong.map(({ path, message }) => `${path.join('.')}: ${message}`) });
}
