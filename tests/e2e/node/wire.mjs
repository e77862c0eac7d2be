// The bytes of a record: 0, the schema's id in four bytes, the Avro body. Ids and schemas come from schemas/avro.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import avro from 'avsc';

export class Schemas {
  constructor(folder) {
    this.ids = JSON.parse(readFileSync(join(folder, 'ids.json'), 'utf8'));
    this.types = {};
    for (const key of Object.keys(this.ids)) {
      this.types[key] = avro.Type.forSchema(JSON.parse(readFileSync(join(folder, `${key}.avsc`), 'utf8')));
    }
    this.byId = new Map(Object.entries(this.ids).map(([key, { id }]) => [id, key]));
    this.byFingerprint = new Map(Object.entries(this.ids).map(([key, { fingerprint }]) => [fingerprint, key]));
  }

  // 'ReviewDecided/v1' and its fields; what is left out has the schema's default.
  encode(key, event) {
    const header = Buffer.alloc(5); // its first byte stays 0
    header.writeUInt32BE(this.ids[key].id, 1);
    return Buffer.concat([header, this.types[key].toBuffer(event)]);
  }

  // The event's name without its version, and its fields.
  decode(value) {
    const key = this.byId.get(value.readUInt32BE(1));
    return [key.split('/')[0], this.types[key].fromBuffer(value.subarray(5))];
  }

  // A request as it lies in other events: a body alone, its schema named by fingerprint.
  decodeBody(body, fingerprint) {
    return this.types[this.byFingerprint.get(fingerprint.toString('hex'))].fromBuffer(body);
  }
}

export const say = (line) => console.log(JSON.stringify(line));
