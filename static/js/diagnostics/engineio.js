// For all probes: requests with a time limit, and Engine.IO 4 packet by packet, so that each step can be seen.

import { sitePath } from "../base.js";
import { deadline } from "../deadline.js";
import { number, t } from "../language.js";

export const TIMEOUT_MS = 5_000;
const ROUND_TRIPS = 5;

export const clock = () => performance.now();
export const ms = (value) => t("{n} ms", { n: number(Math.round(value)) });
export const seconds = (value) => t("{n} s", { n: number(Number((value / 1_000).toFixed(value < 10_000 ? 1 : 0))) });
export const median = (times) => [...times].sort((one, other) => one - other)[Math.floor(times.length / 2)];

/** Rejects with a sentence where no answer comes. */
export function ask(path, { timeout = TIMEOUT_MS, ...options } = {}) {
  return fetch(path, { cache: "no-store", signal: deadline(timeout), ...options }).catch((error) => {
    throw new Error(error.name === "AbortError" ? t("no answer within {time}", { time: seconds(timeout) }) : t("no answer"));
  });
}

/** The text of an answer. Rejects with the server's sentence where it is a refusal. */
export async function textOf(answer) {
  const text = await answer.text();
  if (!answer.ok) throw refusal(`${answer.status}: ${short(text)}`, text);
  return text;
}

/** said: the server's own words, in English whatever the page's language: by them it is known what is wrong. */
export function refusal(sentence, said) {
  return Object.assign(new Error(sentence), { said });
}

/** The first words of an answer: the sentence of a refusal, or the text of a host's error page. */
export function short(text) {
  const [, message] = /"message":\s*"((?:[^"\\]|\\.)*)"/.exec(text) ?? [];
  const words = message ?? text.replace(/<(style|script|title)\b.*?<\/\1>/gis, " ").replace(/<[^>]*>/g, " ");
  return words.replace(/\s+/g, " ").trim().slice(0, 160) || t("nothing");
}

export function address(transport, sid = "") {
  const session = sid && `&sid=${sid}`;
  return `${location.origin}${sitePath("/socket.io/")}?EIO=4&transport=${transport}${session}&t=${nonce(4)}`;
}

export function nonce(bytes) {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** CONNECT, then some round trips of `echo`: their times in milliseconds. receive() gives the next packets. */
export async function roundTrips(send, receive) {
  const waiting = [];
  const until = async (start) => {
    for (;;) {
      while (waiting.length > 0) if (await isAnswer(waiting.shift(), start, send)) return;
      waiting.push(...(await receive()));
    }
  };
  await until("40");
  const times = [];
  for (let nth = 1; nth <= ROUND_TRIPS; nth += 1) {
    const began = clock();
    await Promise.all([send(`42${nth}["echo",{}]`), until(`43${nth}`)]);
    times.push(clock() - began);
  }
  return times;
}

async function isAnswer(packet, start, send) {
  if (packet === "2") await send("3");
  if (packet.startsWith("44")) throw refusal(short(packet), packet);
  return packet.startsWith(start);
}

export function withTimeout(promise, timeout = TIMEOUT_MS) {
  let timer;
  const late = new Promise((_, fail) => {
    timer = setTimeout(() => fail(new Error(t("nothing within {time}", { time: seconds(timeout) }))), timeout);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
