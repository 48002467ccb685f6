// What the probes share: requests that end, and Engine.IO 4 spoken by hand, so that each step can be seen.

import { at } from "../base.js";
import { deadline } from "../deadline.js";

export const PATIENCE = 5_000;
const ROUNDS = 5;

export const clock = () => performance.now();
export const ms = (value) => `${Math.round(value)} ms`;
export const seconds = (value) => `${Number((value / 1_000).toFixed(value < 10_000 ? 1 : 0))} s`;
export const median = (times) => [...times].sort((one, other) => one - other)[Math.floor(times.length / 2)];

/** Rejects with a sentence where no answer comes. */
export function ask(path, { patience = PATIENCE, ...options } = {}) {
  return fetch(path, { cache: "no-store", signal: deadline(patience), ...options }).catch((error) => {
    throw new Error(error.name === "AbortError" ? `no answer within ${seconds(patience)}` : "no answer");
  });
}

/** Rejects with what the server says about it where the answer is a refusal. */
export async function textOf(answer) {
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${answer.status}: ${short(text)}`);
  return text;
}

/** The words of an answer: the sentence of a refusal, or what is left of a host's error page. */
export function short(text) {
  const [, message] = /"message":\s*"((?:[^"\\]|\\.)*)"/.exec(text) ?? [];
  const words = message ?? text.replace(/<(style|script|title)\b.*?<\/\1>/gis, " ").replace(/<[^>]*>/g, " ");
  return words.replace(/\s+/g, " ").trim().slice(0, 160) || "nothing";
}

export function address(transport, sid = "") {
  const session = sid && `&sid=${sid}`;
  return `${location.origin}${at("/socket.io/")}?EIO=4&transport=${transport}${session}&t=${nonce(4)}`;
}

export function nonce(bytes) {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** CONNECT, then words there and back: the times that took, in milliseconds. hear() gives the packets that came. */
export async function rounds(say, hear) {
  const waiting = [];
  const until = async (start) => {
    for (;;) {
      while (waiting.length > 0) if (await isAnswer(waiting.shift(), start, say)) return;
      waiting.push(...(await hear()));
    }
  };
  await until("40");
  const times = [];
  for (let nth = 1; nth <= ROUNDS; nth += 1) {
    const began = clock();
    await Promise.all([say(`42${nth}["echo",{}]`), until(`43${nth}`)]);
    times.push(clock() - began);
  }
  return times;
}

async function isAnswer(packet, start, say) {
  if (packet === "2") await say("3");
  if (packet.startsWith("44")) throw new Error(short(packet));
  return packet.startsWith(start);
}

export function within(promise, patience = PATIENCE) {
  let timer;
  const late = new Promise((_, fail) => {
    timer = setTimeout(() => fail(new Error(`nothing within ${seconds(patience)}`)), patience);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
