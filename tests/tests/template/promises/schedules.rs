//! What begins by itself: schedules, the stream, and where it ends if it could not begin.

use serde_json::{Value, json};

use super::{Kept, are_all, arn, attribute, has, is, reference, sub};
use crate::template::Template;

pub(super) fn what_is_due_is_begun_in_time_and_what_could_not_be_begun_is_kept(template: &Template) -> Kept {
    let schedules = [
        (
            "OutboxFunctionSweep",
            "OutboxFunction",
            "outbox-sweep",
            "rate(5 minutes)",
            300,
        ),
        (
            "RetentionFunctionHourly",
            "RetentionFunction",
            "retention",
            "rate(1 hour)",
            3600,
        ),
        (
            "CampaignCheckFunctionQuarterHourly",
            "CampaignCheckFunction",
            "campaign-check",
            "rate(15 minutes)",
            900,
        ),
    ];
    are_all(
        template,
        "AWS::Scheduler::Schedule",
        schedules.map(|(logical_id, ..)| logical_id),
    )?;
    for (logical_id, function, name, rate, seconds) in schedules {
        let schedule = json!({
            // A second stack in the account has schedules of other names.
            "Name": sub(format!("${{AWS::StackName}}-{name}")),
            "ScheduleExpression": rate,
            "FlexibleTimeWindow": { "Mode": "OFF" },
            "Target": {
                "Arn": arn(function),
                "RoleArn": arn("ScheduleRole"),
                "DeadLetterConfig": { "Arn": arn("ScheduleFailures") },
                "RetryPolicy": { "MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": seconds },
            },
        });
        has(template, logical_id, "AWS::Scheduler::Schedule", schedule)?;
    }
    Ok(())
}

pub(super) fn a_run_that_failed_is_left_to_the_next_one(template: &Template) -> Kept {
    let invoked = [("Outbox", 300), ("Retention", 3600), ("CampaignCheck", 900)];
    for (name, seconds) in invoked {
        let mut config = json!({
            "FunctionName": reference(&format!("{name}Function")),
            "Qualifier": "$LATEST",
            "MaximumRetryAttempts": 0,
            "MaximumEventAgeInSeconds": seconds,
        });
        let logical_id = format!("{name}FunctionEventInvokeConfig");
        // SAM adds an empty one.
        if let Some(empty) = template.resource(&logical_id)["Properties"].get("DestinationConfig") {
            config["DestinationConfig"] = empty.clone();
        }
        has(template, &logical_id, "AWS::Lambda::EventInvokeConfig", config)?;
    }
    Ok(())
}

pub(super) fn the_outbox_is_fed_by_new_messages_and_gives_up_in_the_open(template: &Template) -> Kept {
    let logical_id = "OutboxFunctionWritten";
    are_all(template, "AWS::Lambda::EventSourceMapping", [logical_id])?;
    // A pattern is JSON in a text, so it is compared as what it says.
    let pattern = &template.resource(logical_id)["Properties"]["FilterCriteria"]["Filters"][0]["Pattern"];
    let said = pattern
        .as_str()
        .and_then(|text| serde_json::from_str::<Value>(text).ok());
    let inserted = json!({ "eventName": ["INSERT"], "dynamodb": { "NewImage": { "kind": { "S": ["outbox"] } } } });
    is(logical_id, &said.unwrap_or_default(), &inserted)?;
    let mapping = json!({
        "FunctionName": reference("OutboxFunction"),
        "EventSourceArn": attribute("Ledger", "StreamArn"),
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": 10,
        "FilterCriteria": { "Filters": [{ "Pattern": pattern }] },
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "BisectBatchOnFunctionError": true,
        "MaximumRetryAttempts": 3,
        "MaximumRecordAgeInSeconds": 3600,
        "DestinationConfig": { "OnFailure": { "Destination": arn("OutboxFailures") } },
    });
    has(template, logical_id, "AWS::Lambda::EventSourceMapping", mapping)
}

pub(super) fn dead_letters_are_encrypted_and_kept_for_a_fortnight(template: &Template) -> Kept {
    let queues = ["OutboxFailures", "ScheduleFailures"];
    are_all(template, "AWS::SQS::Queue", queues)?;
    for queue in queues {
        let properties = json!({ "KmsMasterKeyId": reference("Key"), "MessageRetentionPeriod": 1_209_600 });
        has(template, queue, "AWS::SQS::Queue", properties)?;
    }
    Ok(())
}
