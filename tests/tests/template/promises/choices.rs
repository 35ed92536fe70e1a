//! What whoever deploys may choose, what is refused, and what they are told in the end.

use serde_json::{Value, json};

use super::{Kept, attribute, either, is, reference, sub};
use crate::template::Template;

/// The parameters, but for what describes them.
fn parameters() -> Value {
    let text = |pattern: &str| json!({ "Type": "String", "Default": "", "AllowedPattern": pattern });
    let any = json!({ "Type": "String", "Default": "" });
    let certificate = text("(arn:[a-z-]+:acm:.+)?");
    json!({
        "Architecture": { "Type": "String", "Default": "arm64", "AllowedValues": ["arm64", "x86_64"] },
        "GraphBaseUrl": {
            "Type": "String",
            "Default": "https://graph.facebook.com/v26.0",
            "AllowedPattern": r"https://[a-z0-9.-]+/v[0-9]+\.[0-9]+",
        },
        "RecoveryDays": { "Type": "Number", "Default": 7, "MinValue": 1, "MaxValue": 35 },
        "LogDays": { "Type": "Number", "Default": 30, "AllowedValues": [1, 3, 5, 7, 14, 30, 60, 90] },
        "JwtIssuer": text("(https://.+)?"),
        "JwtAudience": any,
        "DomainName": any,
        "CertificateArn": certificate,
        "WebhookDomainName": any,
        "WebhookCertificateArn": certificate,
        "WebhookTruststoreUri": text("(s3://.+/.+)?"),
        "WebhookTruststoreVersion": any,
        "WebhookDeployment": {
            "Type": "String",
            "Default": "Canary10Percent5Minutes",
            "AllowedValues": [
                "Canary10Percent5Minutes",
                "Canary10Percent10Minutes",
                "Canary10Percent15Minutes",
                "Canary10Percent30Minutes",
                "Linear10PercentEvery1Minute",
                "Linear10PercentEvery2Minutes",
                "Linear10PercentEvery3Minutes",
                "Linear10PercentEvery10Minutes",
                "AllAtOnce",
            ],
        },
        "ReserveConcurrency": { "Type": "String", "Default": "yes", "AllowedValues": ["yes", "no"] },
        "RunbookUrl": { "Type": "String", "Default": "infra/runbook.md" },
        "AlertEmail": any,
        "OtherRegion": any,
    })
}

pub(super) fn every_parameter_has_its_bounds_and_a_default_that_deploys(template: &Template) -> Kept {
    let mut found = template.0["Parameters"].clone();
    for parameter in found.as_object_mut().into_iter().flat_map(|found| found.values_mut()) {
        if let Some(parameter) = parameter.as_object_mut() {
            parameter.remove("Description");
        }
    }
    is("what can be chosen", &found, &parameters())
}

fn is_given(parameter: &str) -> Value {
    json!({ "Fn::Not": [is_left_out(parameter)] })
}

fn is_left_out(parameter: &str) -> Value {
    json!({ "Fn::Equals": [reference(parameter), ""] })
}

/// Either all of them are given, or none; those that may be left out beside the others are left out as well then.
fn together(given: &[&str], may_be_given: &[&str]) -> Value {
    let none: Vec<_> = given
        .iter()
        .chain(may_be_given)
        .map(|parameter| is_left_out(parameter))
        .collect();
    let all: Vec<_> = given.iter().map(|parameter| is_given(parameter)).collect();
    json!({ "Fn::Or": [{ "Fn::And": none }, { "Fn::And": all }] })
}

pub(super) fn what_belongs_together_is_given_together_and_data_stays_in_the_union(template: &Template) -> Kept {
    let union = [
        "eu-central-1",
        "eu-north-1",
        "eu-south-1",
        "eu-south-2",
        "eu-west-1",
        "eu-west-3",
    ];
    let region = reference("AWS::Region");
    let stays = json!({ "Fn::Or": [
        { "Fn::Contains": [union, region] },
        { "Fn::Equals": [reference("OtherRegion"), region] },
    ] });
    let rules = [
        ("DataStaysInTheUnion", stays),
        (
            "TokensNeedIssuerAndAudience",
            together(&["JwtIssuer", "JwtAudience"], &[]),
        ),
        (
            "DomainNeedsCertificate",
            together(&["DomainName", "CertificateArn"], &[]),
        ),
        (
            "WebhookDomainNeedsCertificateAndTruststore",
            together(
                &["WebhookDomainName", "WebhookCertificateArn", "WebhookTruststoreUri"],
                &["WebhookTruststoreVersion"],
            ),
        ),
    ];
    for (name, expected) in rules {
        let rule = &template.0["Rules"][name];
        let assertions = rule["Assertions"].as_array().map_or(0, Vec::len);
        is(name, &json!(assertions), &json!(1))?;
        is(name, &rule["Assertions"][0]["Assert"], &expected)?;
    }
    Ok(())
}

pub(super) fn conditions_mean_what_they_are_called(template: &Template) -> Kept {
    let both = |one: &str, other: &str| json!({ "Fn::And": [is_given(one), is_given(other)] });
    let expected = json!({
        "Reserves": { "Fn::Equals": [reference("ReserveConcurrency"), "yes"] },
        "HasAlertEmail": is_given("AlertEmail"),
        "HasJwt": is_given("JwtIssuer"),
        "HasDomain": both("DomainName", "CertificateArn"),
        "HasWebhookDomain": both("WebhookDomainName", "WebhookCertificateArn"),
        "HasWebhookTruststoreVersion": is_given("WebhookTruststoreVersion"),
        "GoesOverBySteps": { "Fn::Not": [{ "Fn::Equals": [reference("WebhookDeployment"), "AllAtOnce"] }] },
    });
    is("the conditions", &template.0["Conditions"], &expected)
}

pub(super) fn the_outputs_say_how_to_go_on(template: &Template) -> Kept {
    let api = attribute("Api", "ApiEndpoint");
    let outputs = [
        ("AlarmTopic", reference("Alarms"), None),
        (
            "WebhookUrl",
            either(
                "HasWebhookDomain",
                sub("https://${WebhookDomainName}/webhook"),
                sub("${WebhookApi.ApiEndpoint}/webhook"),
            ),
            None,
        ),
        (
            "ApiUrl",
            either(
                "HasDomain",
                sub("https://${DomainName}/v1"),
                sub("${Api.ApiEndpoint}/v1"),
            ),
            None,
        ),
        ("PageUrl", either("HasDomain", sub("https://${DomainName}"), api), None),
        (
            "DomainTarget",
            attribute("Domain", "RegionalDomainName"),
            Some("HasDomain"),
        ),
        (
            "WebhookDomainTarget",
            attribute("WebhookDomain", "RegionalDomainName"),
            Some("HasWebhookDomain"),
        ),
        ("LedgerTable", reference("Ledger"), None),
        ("KeyTable", reference("SubjectKeys"), None),
        ("SecretArn", reference("Secret"), None),
    ];
    for (name, value, condition) in outputs {
        let output = &template.0["Outputs"][name];
        is(name, &output["Value"], &value)?;
        is(name, &output["Condition"], &json!(condition))?;
    }
    Ok(())
}
