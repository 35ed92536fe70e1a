//! What watches the deployment, and whom it tells.

use serde_json::{Value, json};

use super::{FUNCTIONS, Kept, are_all, attribute, depends, has, is, reference, sub};
use crate::template::Template;

/// When an alarm goes off.
#[derive(Clone, Copy)]
enum When {
    /// More than so many within so many seconds.
    MoreThan(u64, u64),
    /// A value was greater than that within so many seconds, so many times in a row.
    Above(u64, u64, u64),
    /// Nothing was measured in so many hours.
    SilentFor(u64),
}

/// The alarms of one thing each: the place in the runbook, whose number it is, and when it goes off.
fn single_alarms() -> Vec<(&'static str, &'static str, Metric, When)> {
    use When::{Above, MoreThan, SilentFor};
    vec![
        (
            "DeliveriesRefusedAlarm",
            "deliveries-refused",
            own("webhook", "deliveries_refused"),
            MoreThan(10, 300),
        ),
        (
            "DeliveriesRepeatedAlarm",
            "deliveries-repeated",
            own("webhook", "deliveries_to_repeat"),
            MoreThan(5, 300),
        ),
        (
            "QuarantineAlarm",
            "quarantine",
            own("webhook", "quarantined"),
            MoreThan(0, 300),
        ),
        (
            "FindingsAlarm",
            "findings",
            own("webhook", "findings"),
            MoreThan(0, 300),
        ),
        (
            "ReportedFindingsAlarm",
            "findings",
            own("campaigns", "findings"),
            MoreThan(0, 300),
        ),
        (
            "ServerErrorsAlarm",
            "server-errors",
            server_errors("Api"),
            MoreThan(5, 300),
        ),
        (
            "WebhookServerErrorsAlarm",
            "server-errors",
            server_errors("WebhookApi"),
            MoreThan(5, 300),
        ),
        (
            "OutboxAgeAlarm",
            "outbox-age",
            of_function("IteratorAge", "Outbox"),
            Above(300_000, 300, 2),
        ),
        (
            "OutboxErrorsAlarm",
            "outbox-errors",
            own("outbox", "outbox_errors"),
            MoreThan(5, 300),
        ),
        (
            "OutboxBlockedAlarm",
            "outbox-blocked",
            own("outbox", "outbox_blocked"),
            MoreThan(0, 300),
        ),
        (
            "PurgeLagAlarm",
            "purge-lag",
            own("retention", "purge_lag_seconds"),
            Above(7200, 3600, 2),
        ),
        (
            "PurgeSilenceAlarm",
            "purge-silence",
            own("retention", "purge_lag_seconds"),
            SilentFor(26),
        ),
        (
            "PurgeUnknownKindAlarm",
            "purge-unknown-kind",
            own("retention", "purge_unknown_kind"),
            MoreThan(0, 3600),
        ),
        (
            "CampaignHeldAlarm",
            "campaign-held",
            own("campaign-check", "campaigns_held"),
            MoreThan(0, 900),
        ),
        (
            "CampaignBlockedAlarm",
            "campaign-blocked",
            own("campaign-check", "campaigns_blocked"),
            MoreThan(0, 900),
        ),
        (
            "CasesOverdueAlarm",
            "cases-overdue",
            own("retention", "cases_overdue"),
            Above(0, 3600, 1),
        ),
        (
            "CasesNearlyDueAlarm",
            "cases-nearly-due",
            own("retention", "cases_nearly_due"),
            Above(0, 3600, 1),
        ),
        (
            "OutboxDeadLettersAlarm",
            "dead-letters",
            letters("OutboxFailures"),
            Above(0, 300, 1),
        ),
        (
            "ScheduleDeadLettersAlarm",
            "dead-letters",
            letters("ScheduleFailures"),
            Above(0, 300, 1),
        ),
        (
            "LedgerThrottlesAlarm",
            "throttles",
            transactions_turned_away(),
            MoreThan(5, 300),
        ),
        (
            "ApiLogFindingsAlarm",
            "log-findings",
            log_findings("ApiLogs"),
            MoreThan(0, 300),
        ),
    ]
}

/// A number that is watched: its namespace, its name, and of what it is.
struct Metric(&'static str, &'static str, Value);

fn of(name: &str, value: impl Into<Value>) -> Value {
    json!([{ "Name": name, "Value": value.into() }])
}

fn own(function: &str, name: &'static str) -> Metric {
    Metric("Assent", name, of("function", function))
}

fn of_function(name: &'static str, function: &str) -> Metric {
    Metric(
        "AWS/Lambda",
        name,
        of("FunctionName", reference(&format!("{function}Function"))),
    )
}

fn server_errors(api: &str) -> Metric {
    Metric("AWS/ApiGateway", "5xx", of("ApiId", reference(api)))
}

fn letters(queue: &str) -> Metric {
    let of_queue = of("QueueName", attribute(queue, "QueueName"));
    Metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", of_queue)
}

fn log_findings(group: &str) -> Metric {
    Metric(
        "AWS/Logs",
        "LogEventsWithFindings",
        of("LogGroupName", reference(group)),
    )
}

fn transactions_turned_away() -> Metric {
    let table = json!({ "Name": "TableName", "Value": reference("Ledger") });
    let operation = json!({ "Name": "Operation", "Value": "TransactWriteItems" });
    Metric("AWS/DynamoDB", "ThrottledRequests", json!([table, operation]))
}

pub(super) fn each_thing_that_can_go_wrong_has_an_alarm(template: &Template) -> Kept {
    let single = single_alarms().into_iter();
    let mut alarms: Vec<_> = single
        .map(|(logical_id, place, metric, when)| (logical_id.to_owned(), (place, metric, when)))
        .collect();
    for (name, _) in FUNCTIONS {
        let logs = format!("{name}Logs");
        let of_each = [
            (
                "Throttles",
                ("throttles", of_function("Throttles", name), When::MoreThan(5, 300)),
            ),
            (
                "Failures",
                ("function-failures", of_function("Errors", name), When::MoreThan(2, 300)),
            ),
            (
                "LogFindings",
                ("log-findings", log_findings(&logs), When::MoreThan(0, 300)),
            ),
        ];
        alarms.extend(of_each.map(|(what, alarm)| (format!("{name}{what}Alarm"), alarm)));
    }
    are_all(
        template,
        "AWS::CloudWatch::Alarm",
        alarms.iter().map(|(logical_id, _)| logical_id.as_str()),
    )?;
    for (logical_id, (place, metric, when)) in alarms {
        let said = &template.resource(&logical_id)["Properties"]["AlarmDescription"];
        let is_led = said["Fn::Sub"]
            .as_str()
            .is_some_and(|said| said.ends_with(&format!(". ${{RunbookUrl}}#{place}")));
        if !is_led {
            return Err(format!("{logical_id} does not lead to {place} in the runbook"));
        }
        let (statistic, period, times, threshold, comparison, silence) = match when {
            When::MoreThan(number, seconds) => ("Sum", seconds, 1, number, "GreaterThanThreshold", "notBreaching"),
            When::Above(value, seconds, times) => {
                ("Maximum", seconds, times, value, "GreaterThanThreshold", "notBreaching")
            }
            When::SilentFor(hours) => ("SampleCount", 3600, hours, 1, "LessThanThreshold", "breaching"),
        };
        let Metric(namespace, name, dimensions) = metric;
        let alarm = json!({
            "AlarmDescription": said,
            "Namespace": namespace,
            "MetricName": name,
            "Dimensions": dimensions,
            "Statistic": statistic,
            "Period": period,
            "EvaluationPeriods": times,
            "Threshold": threshold,
            "ComparisonOperator": comparison,
            "TreatMissingData": silence,
            "AlarmActions": [reference("Alarms")],
            "OKActions": [reference("Alarms")],
        });
        has(template, &logical_id, "AWS::CloudWatch::Alarm", alarm)?;
    }
    Ok(())
}

pub(super) fn alarms_are_told_through_an_encrypted_topic(template: &Template) -> Kept {
    let topic = json!({ "KmsMasterKeyId": reference("Key") });
    has(template, "Alarms", "AWS::SNS::Topic", topic)?;
    depends(template, "AlertSubscription", "HasAlertEmail")?;
    let subscription = json!({
        "TopicArn": reference("Alarms"),
        "Protocol": "email",
        "Endpoint": reference("AlertEmail"),
    });
    has(template, "AlertSubscription", "AWS::SNS::Subscription", subscription)
}

pub(super) fn the_dashboard_can_be_read_and_shows_both_apis(template: &Template) -> Kept {
    let body = &template.resource("Dashboard")["Properties"]["DashboardBody"];
    let dashboard = json!({ "DashboardName": sub("${AWS::StackName}"), "DashboardBody": body });
    has(template, "Dashboard", "AWS::CloudWatch::Dashboard", dashboard)?;
    let text = body["Fn::Sub"].as_str().unwrap_or_default();
    let read: Value = serde_json::from_str(text).map_err(|error| format!("the dashboard is no JSON: {error}"))?;
    let widgets = read["widgets"].as_array().map_or(0, Vec::len);
    is("the number of widgets", &json!(widgets), &json!(9))?;
    for api in ["${Api}", "${WebhookApi}"] {
        if !text.contains(api) {
            return Err(format!("the dashboard does not show {api}"));
        }
    }
    Ok(())
}
