// The official client, polling for so long: `node polls.mjs URL SECONDS NICKNAME`. Says something again and again, and
// tells at the end, as JSON, what it said and heard, and what went wrong.

import { setTimeout as sleep } from "node:timers/promises";
import { Talker } from "./talker.mjs";

const [url, seconds, nickname] = process.argv.slice(2);
const until = Date.now() + Number(seconds) * 1000;
const talker = new Talker(url, { nickname }, { transports: ["polling"] });
talker.socket.connect();
await talker.hears("welcome");
await talker.join("lobby");
const said = [];
for (let n = 1; Date.now() < until; n += 1) {
  said.push((await talker.say("lobby", `${nickname} ${n}`)).text);
  await sleep(50);
}
await talker.until(() => talker.messages("lobby").filter(({ text }) => text.startsWith(`${nickname} `)).length >= said.length, "not all was heard");
const count = (name) => talker.heard.filter((event) => event.name === name).length;
const revs = talker.messages("lobby").map(({ rev }) => rev);
console.log(JSON.stringify({ said, revs, connects: count("connect"), disconnects: count("disconnect"), errors: count("connect_error") }));
talker.socket.disconnect();
