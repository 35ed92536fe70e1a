//! The tables, the key and the secret.

use serde_json::{Value, json};

use super::{Kept, are_all, arn, has, is, reference, sub};
use crate::template::Template;

pub(super) fn nothing_that_holds_data_is_deleted_with_the_stack(template: &Template) -> Kept {
    for logical_id in ["Key", "Ledger", "SubjectKeys", "Secret"] {
        let resource = template.resource(logical_id);
        is(logical_id, &resource["DeletionPolicy"], &json!("Retain"))?;
        is(logical_id, &resource["UpdateReplacePolicy"], &json!("Retain"))?;
    }
    Ok(())
}

pub(super) fn the_ledger_has_its_keys_its_deadlines_its_stream_and_its_backups(template: &Template) -> Kept {
    are_all(template, "AWS::DynamoDB::Table", ["Ledger", "SubjectKeys"])?;
    let due = json!({
        "IndexName": "due",
        "KeySchema": keys(&["due_shard", "due_at"]),
        "Projection": { "ProjectionType": "KEYS_ONLY" },
    });
    let mut ledger = table(
        &[("pk", "S"), ("sk", "S"), ("due_shard", "S"), ("due_at", "N")],
        &["pk", "sk"],
    );
    ledger["GlobalSecondaryIndexes"] = json!([due]);
    ledger["StreamSpecification"] = json!({ "StreamViewType": "NEW_IMAGE" });
    ledger["TimeToLiveSpecification"] = json!({ "AttributeName": "expires_at", "Enabled": true });
    ledger["PointInTimeRecoverySpecification"] =
        json!({ "PointInTimeRecoveryEnabled": true, "RecoveryPeriodInDays": reference("RecoveryDays") });
    has(template, "Ledger", "AWS::DynamoDB::Table", ledger)
}

pub(super) fn a_deleted_subject_key_is_gone_from_every_stream_and_backup(template: &Template) -> Kept {
    let mut subject_keys = table(&[("pk", "S")], &["pk"]);
    subject_keys["PointInTimeRecoverySpecification"] = json!({ "PointInTimeRecoveryEnabled": false });
    has(template, "SubjectKeys", "AWS::DynamoDB::Table", subject_keys)
}

/// A table as both are: on demand, protected from deletion, encrypted with the key.
fn table(attributes: &[(&str, &str)], schema: &[&str]) -> Value {
    let attributes = attributes.iter();
    let attributes = attributes.map(|(name, kind)| json!({ "AttributeName": name, "AttributeType": kind }));
    json!({
        "BillingMode": "PAY_PER_REQUEST",
        "DeletionProtectionEnabled": true,
        "AttributeDefinitions": attributes.collect::<Vec<_>>(),
        "KeySchema": keys(schema),
        "SSESpecification": { "SSEEnabled": true, "SSEType": "KMS", "KMSMasterKeyId": arn("Key") },
    })
}

fn keys(names: &[&str]) -> Value {
    let key = |(name, kind): (&&str, &str)| json!({ "AttributeName": name, "KeyType": kind });
    names.iter().zip(["HASH", "RANGE"]).map(key).collect()
}

pub(super) fn the_key_is_rotated_and_may_be_used_by_whom_it_is_for(template: &Template) -> Kept {
    are_all(template, "AWS::KMS::Key", ["Key"])?;
    let account = json!({
        "Effect": "Allow",
        "Principal": { "AWS": sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root") },
        "Action": "kms:*",
        "Resource": "*",
    });
    let groups = sub("arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:*");
    let logs = json!({
        "Effect": "Allow",
        "Principal": { "Service": sub("logs.${AWS::Region}.${AWS::URLSuffix}") },
        "Action": ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
        "Resource": "*",
        "Condition": { "ArnLike": { "kms:EncryptionContext:aws:logs:arn": groups } },
    });
    let alarms = json!({
        "Effect": "Allow",
        "Principal": { "Service": "cloudwatch.amazonaws.com" },
        "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
        "Resource": "*",
        "Condition": { "StringEquals": { "aws:SourceAccount": reference("AWS::AccountId") } },
    });
    let policy = json!({ "Version": "2012-10-17", "Statement": [account, logs, alarms] });
    let key = json!({ "EnableKeyRotation": true, "KeyPolicy": policy });
    has(template, "Key", "AWS::KMS::Key", key)
}

pub(super) fn the_secret_is_encrypted_with_the_key(template: &Template) -> Kept {
    let secret = json!({ "KmsKeyId": arn("Key") });
    has(template, "Secret", "AWS::SecretsManager::Secret", secret)
}
