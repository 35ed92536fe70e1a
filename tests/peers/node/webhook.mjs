// The webhook as one writes it with the AWS SDK for JavaScript: a yardstick for what the same costs in Rust.
//
// It does less than the function: a STOP is one transaction, and nothing is sealed, chained or confirmed. Only the comparison is
// meant to be fair, so whatever it leaves out is to its advantage.

import { DynamoDBClient, TransactionCanceledException, TransactWriteItemsCommand } from "@aws-sdk/client-dynamodb";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { createHmac, timingSafeEqual } from "node:crypto";

const STOP_WORDS = new Set([
  "stop", "stopp", "stopall", "unsubscribe", "optout", "opt out", "abmelden", "abbestellen",
]);
const TABLE = process.env.LEDGER_TABLE;

const dynamodb = new DynamoDBClient();
const secretsManager = new SecretsManagerClient();

const { SecretString } = await secretsManager.send(new GetSecretValueCommand({ SecretId: process.env.SECRET_ID }));
const secret = JSON.parse(SecretString);
const pseudonymKey = Buffer.from(secret.pseudonym_key, "hex");

export async function handler(event) {
  const body = Buffer.from(event.body, event.isBase64Encoded ? "base64" : "utf8");
  if (!isSigned(body, event.headers["x-hub-signature-256"] ?? "")) {
    return answer(401, "not signed by Meta");
  }
  try {
    for (const message of messagesIn(JSON.parse(body))) {
      if (isStop(message)) {
        await recordStop(message);
      }
    }
  } catch (error) {
    // Its kind alone, since its text may hold what somebody wrote. Meta delivers again.
    console.error("a delivery is not recorded: %s", error.name);
    return answer(500, "deliver it again");
  }
  return answer(200, "ok");
}

function answer(statusCode, body) {
  return { statusCode, headers: { "content-type": "text/plain" }, body };
}

function isSigned(body, header) {
  const signature = Buffer.from(header.replace(/^sha256=/, ""), "hex");
  return secret.app_secrets.some((appSecret) => {
    const expected = createHmac("sha256", appSecret).update(body).digest();
    return signature.length === expected.length && timingSafeEqual(signature, expected);
  });
}

function* messagesIn(delivery) {
  for (const { changes } of delivery.entry) {
    for (const { value } of changes) {
      yield* value.messages ?? [];
    }
  }
}

function isStop(message) {
  return message.type === "text" && STOP_WORDS.has(message.text.body.trim().toLowerCase());
}

// Marks the contact as stopped, once for each message however often Meta delivers it.
async function recordStop(message) {
  const seen = {
    TableName: TABLE,
    Item: { pk: { S: pseudonym("message", message.id) }, sk: { S: "message" } },
    ConditionExpression: "attribute_not_exists(pk)",
  };
  const stopped = {
    TableName: TABLE,
    Key: { pk: { S: pseudonym("contact", message.from) }, sk: { S: "contact" } },
    UpdateExpression: "SET standing = :stopped, stopped_at = :at ADD stops :one",
    ExpressionAttributeValues: { ":stopped": { S: "stopped" }, ":at": { N: message.timestamp }, ":one": { N: "1" } },
  };
  try {
    await dynamodb.send(new TransactWriteItemsCommand({ TransactItems: [{ Put: seen }, { Update: stopped }] }));
  } catch (error) {
    const isRepetition = error instanceof TransactionCanceledException
      && error.CancellationReasons[0].Code === "ConditionalCheckFailed";
    if (!isRepetition) {
      throw error;
    }
  }
}

function pseudonym(kind, value) {
  return `${kind}#${createHmac("sha256", pseudonymKey).update(`${kind}#${value}`).digest("hex")}`;
}
