//! The functions and what they log.

use serde_json::{Value, json};

use super::{FUNCTIONS, Kept, are_all, arn, either, has, is, nothing, reference, sub};
use crate::template::Template;

/// For how many seconds each function may run, and how many of it at once, where that is reserved. What answers Meta and people has no
/// reservation: it would be a limit to how many stops are honoured at once.
const TIMES: [(&str, u64, Option<u64>); 7] = [
    ("Webhook", 10, None),
    ("OptIn", 10, None),
    ("Outbox", 60, Some(10)),
    ("Rights", 29, None),
    ("Retention", 900, Some(2)),
    ("Campaigns", 29, None),
    ("CampaignCheck", 900, Some(8)),
];

pub(super) fn every_function_has_the_settings_the_processor_and_the_time_that_it_needs(template: &Template) -> Kept {
    let names: Vec<_> = FUNCTIONS.iter().map(|(name, _)| format!("{name}Function")).collect();
    are_all(template, "AWS::Lambda::Function", names.iter().map(String::as_str))?;
    for (((name, package), logical_id), (_, seconds, reserved)) in FUNCTIONS.iter().zip(&names).zip(TIMES) {
        let mut expected = json!({
            "Runtime": "provided.al2023",
            "Handler": "bootstrap",
            "Architectures": [reference("Architecture")],
            "MemorySize": 256,
            "KmsKeyArn": arn("Key"),
            "Environment": { "Variables": {
                "LEDGER_TABLE": reference("Ledger"),
                "KEY_TABLE": reference("SubjectKeys"),
                "SECRET_ID": reference("Secret"),
                "GRAPH_BASE_URL": reference("GraphBaseUrl"),
            } },
            "Timeout": seconds,
            "Role": arn(&format!("{name}Role")),
            // Lambda's own lines about every invocation would cost more than they tell.
            "LoggingConfig": {
                "LogFormat": "JSON",
                "LogGroup": reference(&format!("{name}Logs")),
                "SystemLogLevel": "WARN",
            },
        });
        if let Some(reserved) = reserved {
            expected["ReservedConcurrentExecutions"] = either("Reserves", reserved, nothing());
        }
        // What SAM adds, and looks after itself.
        for added in ["Code", "Tags"] {
            if let Some(added_there) = template.resource(logical_id)["Properties"].get(added) {
                expected[added] = added_there.clone();
            }
        }
        has(template, logical_id, "AWS::Lambda::Function", expected)?;
        let build = json!({ "BuildMethod": "rust-cargolambda", "BuildProperties": { "Binary": package } });
        is(logical_id, &template.resource(logical_id)["Metadata"], &build)?;
    }
    Ok(())
}

pub(super) fn every_log_is_encrypted_ends_and_masks_what_is_personal(template: &Template) -> Kept {
    let mut groups = vec![("ApiLogs".to_owned(), sub("/aws/apigateway/${AWS::StackName}"))];
    groups.extend(FUNCTIONS.map(|(name, package)| {
        let group = sub(format!("/aws/lambda/${{AWS::StackName}}-{package}"));
        (format!("{name}Logs"), group)
    }));
    are_all(
        template,
        "AWS::Logs::LogGroup",
        groups.iter().map(|(logical_id, _)| logical_id.as_str()),
    )?;
    for (logical_id, name) in groups {
        let group = json!({
            "LogGroupName": name,
            "RetentionInDays": reference("LogDays"),
            "KmsKeyId": arn("Key"),
            "DataProtectionPolicy": masking(),
        });
        has(template, &logical_id, "AWS::Logs::LogGroup", group)?;
    }
    Ok(())
}

/// Counts and masks what looks like a number, one of Meta's message ids or an e-mail address.
fn masking() -> Value {
    let statement = |name: &str, operation: Value| {
        let addresses = sub("arn:${AWS::Partition}:dataprotection::aws:data-identifier/EmailAddress");
        let identifiers = json!(["PhoneNumberE164", "MetaMessageId", addresses]);
        json!({ "Sid": name, "DataIdentifier": identifiers, "Operation": operation })
    };
    json!({
        "Name": "personal-data",
        "Version": "2021-06-01",
        "Configuration": { "CustomDataIdentifier": [
            { "Name": "PhoneNumberE164", "Regex": r"\+[1-9][0-9]{7,14}" },
            { "Name": "MetaMessageId", "Regex": r"wamid\.[A-Za-z0-9+/=]{16,}" },
        ] },
        "Statement": [
            statement("audit", json!({ "Audit": { "FindingsDestination": {} } })),
            statement("mask", json!({ "Deidentify": { "MaskConfig": {} } })),
        ],
    })
}
