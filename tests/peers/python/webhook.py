"""The webhook as one writes it with boto3: a yardstick for what the same costs in Rust.

It does less than the function: a STOP is one transaction, and nothing is sealed, chained or confirmed. Only the comparison is
meant to be fair, so whatever it leaves out is to its advantage.
"""

import base64
import hashlib
import hmac
import json
import logging
import os

import boto3

STOP_WORDS = {"stop", "stopp", "stopall", "unsubscribe", "optout", "opt out", "abmelden", "abbestellen"}
TABLE = os.environ["LEDGER_TABLE"]

logger = logging.getLogger()
dynamodb = boto3.client("dynamodb")
secrets_manager = boto3.client("secretsmanager")

secret = json.loads(secrets_manager.get_secret_value(SecretId=os.environ["SECRET_ID"])["SecretString"])
app_secrets = [app_secret.encode() for app_secret in secret["app_secrets"]]
pseudonym_key = bytes.fromhex(secret["pseudonym_key"])


def handler(event, context):
    body = event["body"].encode() if not event["isBase64Encoded"] else base64.b64decode(event["body"])
    if not is_signed(body, event["headers"].get("x-hub-signature-256", "")):
        return answer(401, "not signed by Meta")
    try:
        for message in messages_in(json.loads(body)):
            if is_stop(message):
                record_stop(message)
    except Exception as error:
        # Its kind alone, since its text may hold what somebody wrote. Meta delivers again.
        logger.error("a delivery is not recorded: %s", type(error).__name__)
        return answer(500, "deliver it again")
    return answer(200, "ok")


def answer(status, body):
    return {"statusCode": status, "headers": {"content-type": "text/plain"}, "body": body}


def is_signed(body, header):
    signature = header.removeprefix("sha256=")
    expected = (hmac.new(app_secret, body, hashlib.sha256).hexdigest() for app_secret in app_secrets)
    return any(hmac.compare_digest(one, signature) for one in expected)


def messages_in(delivery):
    for entry in delivery["entry"]:
        for change in entry["changes"]:
            yield from change["value"].get("messages", [])


def is_stop(message):
    return message["type"] == "text" and message["text"]["body"].strip().casefold() in STOP_WORDS


def record_stop(message):
    """Marks the contact as stopped, once for each message however often Meta delivers it."""
    seen = {
        "TableName": TABLE,
        "Item": {"pk": {"S": pseudonym("message", message["id"])}, "sk": {"S": "message"}},
        "ConditionExpression": "attribute_not_exists(pk)",
    }
    stopped = {
        "TableName": TABLE,
        "Key": {"pk": {"S": pseudonym("contact", message["from"])}, "sk": {"S": "contact"}},
        "UpdateExpression": "SET standing = :stopped, stopped_at = :at ADD stops :one",
        "ExpressionAttributeValues": {
            ":stopped": {"S": "stopped"},
            ":at": {"N": message["timestamp"]},
            ":one": {"N": "1"},
        },
    }
    try:
        dynamodb.transact_write_items(TransactItems=[{"Put": seen}, {"Update": stopped}])
    except dynamodb.exceptions.TransactionCanceledException as error:
        if error.response["CancellationReasons"][0]["Code"] != "ConditionalCheckFailed":
            raise


def pseudonym(kind, value):
    return kind + "#" + hmac.new(pseudonym_key, f"{kind}#{value}".encode(), hashlib.sha256).hexdigest()
