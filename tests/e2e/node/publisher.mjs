// Publishes requests and waits for their outcomes: node publisher.mjs BROKER PREFIX schemas/avro
//
// In, a line each:  {"request_id": "post-1", "workflow": "content_moderation", "text": "See you tonight?"}
// Out, a line each: {"outcome": "approved", "request_id": "post-1", "decided_by": "reviewer", "label": "..."}
// To see what is refused, a line may name a "partition", or the whole "value" in base64; no outcome is awaited then.
import { createInterface } from 'node:readline';
import kafkajs from 'kafkajs';
import { Schemas, say } from './wire.mjs';

const [broker, prefix, folder] = process.argv.slice(2);
const schemas = new Schemas(folder);
const kafka = new kafkajs.Kafka({ clientId: 'node-publisher', brokers: [broker], logLevel: kafkajs.logLevel.ERROR });
// The default partitioner is murmur2, as Java has it: nothing to be told.
const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner, idempotent: true });
// Committed records only is the default of kafkajs. A group of its own remembers how far it has read.
const outcomes = kafka.consumer({ groupId: `node-publisher-${process.pid}` });
const open = new Set(); // ids of requests without an outcome

await outcomes.connect();
await outcomes.subscribe({ topic: `${prefix}outcomes`, fromBeginning: true });
await producer.connect();
for await (const line of createInterface({ input: process.stdin })) {
  const { request_id, workflow, text, partition, value } = JSON.parse(line);
  const request = { request_id, workflow, payload: { body: Buffer.from(JSON.stringify({ text })) } };
  const bytes = value ? Buffer.from(value, 'base64') : schemas.encode('DecisionRequested/v1', request);
  if (!value && partition === undefined) open.add(request_id);
  const [at] = await producer.send({ topic: `${prefix}requests`, messages: [{ key: request_id, value: bytes, partition }] });
  say({ published: request_id, partition: at.partition, offset: Number(at.baseOffset) });
}
await producer.disconnect();

const done = new Promise((resolve) => {
  const look = () => { if (open.size === 0) resolve(); };
  look();
  outcomes.run({
    eachMessage: async ({ message }) => {
      const [, made] = schemas.decode(message.value);
      if (open.delete(made.request_id)) {
        say({ outcome: made.outcome, request_id: made.request_id, decided_by: made.decided_by, label: made.label });
      }
      look();
    },
  });
});
await done;
await outcomes.disconnect();
