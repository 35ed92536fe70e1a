// Plays on a local stack what leads to the pages that people read, and keeps them as files.
//
//   node story.mjs http://127.0.0.1:PORT FOLDER

import { mkdir, writeFile } from "node:fs/promises";

const [base, folder] = process.argv.slice(2);
const person = { phone: "+4915112345678" };

async function call(method, path, body, headers = { "content-type": "application/json" }) {
  const sent = body && typeof body === "object" ? JSON.stringify(body) : body;
  const answer = await fetch(base + path, { method, headers, body: sent });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text;
}

const says = (act) => call("POST", "/_local/inbound", { from: person, ...act });

async function lastReceived() {
  const { messages } = JSON.parse(await call("GET", "/_local/outbound"));
  return messages.at(-1);
}

// The code that the person was sent, told on the page that it names.
async function fetchCopy(question, form) {
  await call("POST", "/_local/clock", { advance_seconds: 60 });
  await says({ tap: { message: question.id, button: 0 } });
  const { text } = await lastReceived();
  const code = text.match(/\b\d{8}\b/)[0];
  const page = text.match(/https:\/\/[^/]+(\/cases\/\S+)/)[1];
  const asked = await call("GET", page, undefined, { "accept-language": "de" });
  const body = new URLSearchParams({ code, form }).toString();
  const copy = await call("POST", page, body, { "content-type": "application/x-www-form-urlencoded" });
  return { asked, copy };
}

await mkdir(folder, { recursive: true });
const keep = (name, text) => writeFile(`${folder}/${name}`, text);

const source = { kind: "web_form", url: "https://www.example.com/newsletter", form: "footer" };
await call("POST", "/v1/opt-ins", { recipient: person, purposes: ["offers", "orders"], locale: "de", source });
const prompt = await lastReceived();
await says({ tap: { message: prompt.id, button: 0 } });
await call("POST", "/_local/clock", { advance_seconds: 86_400 });
await says({ text: "Stop bitte" });
await says({ text: "Auskunft" });
const question = await lastReceived();

const { asked, copy } = await fetchCopy(question, "html");
await keep("code.html", asked);
await keep("copy.html", copy);
await keep("copy.json", (await fetchCopy(question, "json")).copy);
await keep("consents.jsonld", (await fetchCopy(question, "jsonld")).copy);

await call("POST", "/v1/cases", { recipient: { phone: "+4915112345679" }, kind: "erasure", channel: "email" });
await call("POST", "/_local/run/retention");
const { now } = JSON.parse(await call("GET", "/_local/clock"));
await keep("digest.html", await call("GET", `/v1/reports/digest?form=html&week=${week(new Date(now))}`));

// The week of ISO 8601 that a day lies in.
function week(date) {
  const thursday = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()));
  thursday.setUTCDate(thursday.getUTCDate() + 4 - (thursday.getUTCDay() || 7));
  const first = Date.UTC(thursday.getUTCFullYear(), 0, 1);
  const number = Math.ceil(((thursday - first) / 86_400_000 + 1) / 7);
  return `${thursday.getUTCFullYear()}-W${String(number).padStart(2, "0")}`;
}
