// Uses the simulator through Vonage's own Node SDK: makes a call, controls it, reads
// it, receives the callbacks and lets the SDK verify their signatures. It writes
// what it saw to stdout as JSON.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { Auth } from '@vonage/auth';
import { verifySignature } from '@vonage/jwt';
import { Vonage } from '@vonage/server-sdk';

const { VOICESIM_URL, VOICESIM_APPLICATION, VOICESIM_KEY_FILE, VOICESIM_SECRET } = process.env;
const events = [];

const claimsOf = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString());

const receiver = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const token = (request.headers.authorization ?? '').replace(/^Bearer /, '');
  events.push({
    ...JSON.parse(body.toString()),
    verified: verifySignature(token, VOICESIM_SECRET),
    verifiedByAnother: verifySignature(token, `${VOICESIM_SECRET}, but another`),
    hashed: createHash('sha256').update(body).digest('hex') === claimsOf(token).payload_hash,
  });
  response.writeHead(200).end();
});
await new Promise((listening) => receiver.listen(0, '127.0.0.1', listening));
const eventURL = `http://127.0.0.1:${receiver.address().port}/event`;

// until waits until the condition returns a value.
async function until(what, condition) {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; await pause(10)) {
    const found = await condition();
    if (found) return found;
  }
  throw new Error(`no ${what}; events: ${events.map((e) => e.status).join(' ')}`);
}

const received = (uuid, status) => until(status, () => events.find((e) => e.uuid === uuid && e.status === status));

const vonage = new Vonage(
  new Auth({ applicationId: VOICESIM_APPLICATION, privateKey: readFileSync(VOICESIM_KEY_FILE, 'utf8') }),
  { apiHost: VOICESIM_URL },
);
const endless = [{ action: 'talk', text: 'Hello', loop: 0 }];

const created = await vonage.voice.createOutboundCall({
  to: [{ type: 'phone', number: '447700900101' }],
  from: { type: 'phone', number: '447700900001' },
  ncco: endless,
  eventUrl: [eventURL],
  lengthTimer: 600,
  ringingTimer: 45,
});
const { uuid } = created;
await received(uuid, 'answered');

const messages = [];
const played = async (ack) => messages.push((await ack).message);
await played(vonage.voice.playTTS(uuid, { text: 'Hello', language: 'en-GB', style: 1, loop: 0, level: 0.4 }));
await played(vonage.voice.stopTTS(uuid));
await played(vonage.voice.streamAudio(uuid, 'https://sound.test/a.mp3', 0, 0.5));
await played(vonage.voice.stopStreamAudio(uuid));
await played(vonage.voice.playDTMF(uuid, '17#'));
await vonage.voice.muteCall(uuid);
await vonage.voice.unmuteCall(uuid);
await vonage.voice.earmuffCall(uuid);
await vonage.voice.unearmuffCall(uuid);
await vonage.voice.transferCallWithNCCO(uuid, endless);
const live = await vonage.voice.getCall(uuid);
await vonage.voice.hangupCall(uuid);
await received(uuid, 'completed');

const ended = await vonage.voice.getCall(uuid);
const listed = [];
for await (const call of vonage.voice.getAllCalls({ pageSize: 10, order: 'asc' })) listed.push(call);
let gone;
try {
  await vonage.voice.hangupCall(uuid);
} catch (error) {
  gone = error.response?.status;
}
receiver.close();
console.log(JSON.stringify({ created, messages, live, ended, listed, gone, events }));
