// Prints what is wrong with an AsyncAPI document, a line each, and exits 1 if anything is: node asyncapi_check.mjs FILE
import { readFileSync } from 'node:fs';
import { AvroSchemaParser } from '@asyncapi/avro-schema-parser';
import { DiagnosticSeverity, Parser } from '@asyncapi/parser';

const source = readFileSync(process.argv[2], 'utf8');
const avro = AvroSchemaParser();
const parser = new Parser();
parser.registerSchemaParser(avro);
const { document, diagnostics } = await parser.parse(source);
const wrong = diagnostics.filter(({ severity }) => severity <= DiagnosticSeverity.Warning);
// Of an AsyncAPI 3 document the parser converts Avro payloads, but it does not validate them.
for (const [name, { payload }] of Object.entries(JSON.parse(source).components.messages)) {
  wrong.push(...await avro.validate({ data: payload.schema, path: ['components', 'messages', name, 'payload'] }));
}
for (const { path, message } of wrong) console.log(`${path.join('.')}: ${message}`);
if (!document && !wrong.length) console.log('it cannot be parsed');
process.exitCode = document && !wrong.length ? 0 : 1;
