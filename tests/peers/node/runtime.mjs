// As much of a runtime as it takes: events from Lambda's Runtime API, one after the other, and answers to it. Lambda's own client
// is built natively, which takes a compiler; this one starts faster.

import { once } from "node:events";
import { Agent, request } from "node:http";
import { handler } from "./webhook.mjs";

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new Agent({ keepAlive: true });

async function call(method, path, content) {
  const sent = request({ agent, host, port, method, path: `/2018-06-01/runtime/invocation/${path}` }).end(content);
  const [response] = await once(sent, "response");
  const chunks = await response.toArray();
  return { id: response.headers["lambda-runtime-aws-request-id"], content: Buffer.concat(chunks).toString() };
}

for (;;) {
  const { id, content } = await call("GET", "next");
  try {
    await call("POST", `${id}/response`, JSON.stringify(await handler(JSON.parse(content))));
  } catch (error) {
    await call("POST", `${id}/error`, JSON.stringify({ errorType: error.name, errorMessage: "the webhook failed" }));
  }
}
