// A reviewer app whose person is the standard input: node reviewer.mjs BROKER PREFIX schemas/avro REVIEWER
//
// Out, a line for each case that people are asked about, with the request and the model's recommendation:
//   {"asked": "post-1", "content": "...", "classes": [...], "priority": "high", "reason": "...", "recommendation": null, …}
// In, a line for each answer: {"request_id": "post-1", "action": "approve", "confidence": 0.9}
// (with the "label" that is chosen, where rejecting leaves several)
// Out, what became of it:     {"accepted": "post-1"} or {"refused": "post-1", "reason": "...", "detail": "..."}
// To have a case for oneself first:  {"request_id": "post-1", "command": "claim"}
// Out, what became of it:     {"granted": "post-1", "lease": 2}, and the answer then carries the "lease". Where identity
// is on, answers and commands carry a "token" of the gateway.
// It ends at the first refusal (exit status 3), or when the input has ended and nothing is open. To see what is refused,
// an answer may also name its "review", a "partition", or the whole "value" in base64.
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import kafkajs from 'kafkajs';
import { Schemas, say } from './wire.mjs';

const [broker, prefix, folder, reviewer] = process.argv.slice(2);
const schemas = new Schemas(folder);
const kafka = new kafkajs.Kafka({ clientId: 'node-reviewer', brokers: [broker], logLevel: kafkajs.logLevel.ERROR });
const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner, idempotent: true });
const consumer = kafka.consumer({ groupId: `node-reviewer-${process.pid}` });
const cases = new Map(); // request id -> coordinates of its newest announcement
const verdicts = new Map(); // coordinates of an answer -> what casework said about it; it may come before we ask
const open = new Map(); // coordinates of an answer or a command -> request id
const place = ({ topic, partition, offset }) => `${topic}[${partition}]@${offset}`;
let ended = false; // the input

async function settle() {
  for (const [at, requestId] of open) {
    if (!verdicts.has(at)) continue;
    const [kind, event] = verdicts.get(at);
    open.delete(at);
    if (kind === 'DecisionRefused' || kind === 'CommandRefused') {
      say({ refused: requestId, reason: event.reason, detail: event.detail });
      await leave(3);
    }
    say(kind === 'LeaseGranted' ? { granted: requestId, lease: event.lease } : { accepted: requestId });
  }
  if (ended && open.size === 0) await leave(0);
}

async function leave(status) {
  await Promise.race([producer.disconnect(), new Promise((resolve) => setTimeout(resolve, 1000))]);
  process.exit(status);
}

function heard(topic, partition, message) {
  const [kind, event] = schemas.decode(message.value);
  if (topic === `${prefix}assignments`) {
    verdicts.set(place(event.cause), [kind, event]); // `cause` names the record that it answers
    return;
  }
  const review = { topic: topic.slice(prefix.length), partition, offset: Number(message.offset) };
  cases.set(event.request_id, review);
  const request = schemas.decodeBody(event.request_body, event.request_fingerprint);
  const content = request.payload?.body.toString() ?? null;
  const { classes, priority, reason, recommendation } = event;
  say({ asked: event.request_id, content, classes, priority, reason, recommendation, review });
}

async function answer({ request_id, command, action, label, confidence, lease, token, review, partition, value }) {
  const said = { request_id, reviewer_id: reviewer, lease, token };
  const [topic, schema, event] = command
    ? ['review-commands', 'CaseActionRequested/v1', { ...said, command_id: randomUUID(), action: command }]
    : ['review-decisions', 'ReviewDecided/v1', { ...said, decision_id: randomUUID(), action, label, confidence }];
  if (!command) event.review = review ?? cases.get(request_id);
  const bytes = value ? Buffer.from(value, 'base64') : schemas.encode(schema, event);
  const messages = [{ key: request_id, value: bytes, partition }];
  const [at] = await producer.send({ topic: `${prefix}${topic}`, messages });
  say({ decided: request_id, partition: at.partition, offset: Number(at.baseOffset) });
  if (!value) open.set(place({ topic, partition: at.partition, offset: at.baseOffset }), request_id);
}

await producer.connect();
await consumer.connect();
const topics = ['review.urgent', 'review.high', 'review.normal', 'review.low', 'assignments'];
await consumer.subscribe({ topics: topics.map((name) => prefix + name), fromBeginning: true });
await consumer.run({
  eachMessage: async ({ topic, partition, message }) => {
    heard(topic, partition, message);
    await settle();
  },
});
for await (const line of createInterface({ input: process.stdin })) {
  await answer(JSON.parse(line));
  await settle();
}
ended = true;
await settle();
