// Prints what is wrong with AsyncAPI documents, a line each, and exits 1 if anything is: node asyncapi_check.mjs FILE…
import { readFileSync } from 'node:fs';
import { AvroSchemaParser } from '@asyncapi/avro-schema-parser';
import { DiagnosticSeverity, Parser } from '@asyncapi/parser';

const parser = new Parser();
parser.registerSchemaParser(AvroSchemaParser());
for (const file of process.argv.slice(2)) {
  const { document, diagnostics } = await parser.parse(readFileSync(file, 'utf8'));
  const wrong = diagnostics.filter(({ severity }) => severity <= DiagnosticSeverity.Warning);
  for (const { severity, path, message } of wrong) console.log(`${severity === 0 ? 'error' : 'warning'} ${path.join('.')}: ${message}`);
  if (!document || wrong.length) process.exitCode = 1;
}
