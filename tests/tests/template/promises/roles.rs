//! What the roles may do.

use serde_json::{Value, json};

use super::{FUNCTIONS, Kept, are_all, is, many, reference};
use crate::template::Template;

/// What each role may do beyond what all functions may, a line for a statement; see [`line`]. Whoever changes a role finds the new line in what
/// the test says.
const MAY: [(&str, &[&str]); 9] = [
    (
        "Webhook",
        &[
            "dynamodb:BatchGetItem dynamodb:ConditionCheckItem dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem on Ledger, SubjectKeys",
        ],
    ),
    (
        "OptIn",
        &[
            "dynamodb:BatchGetItem dynamodb:ConditionCheckItem dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem on Ledger, SubjectKeys",
            "dynamodb:Query on Ledger",
        ],
    ),
    (
        "Outbox",
        &[
            "dynamodb:BatchGetItem dynamodb:ConditionCheckItem dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem on Ledger",
            "dynamodb:BatchGetItem dynamodb:GetItem on SubjectKeys",
            r#"dynamodb:DeleteItem on SubjectKeys if {"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["outbox#*"]}}"#,
            "dynamodb:Query on ${Ledger.Arn}/index/due",
            "dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator on Ledger.StreamArn",
            "dynamodb:ListStreams on *",
            "sqs:SendMessage on OutboxFailures",
        ],
    ),
    (
        "Rights",
        &[
            "dynamodb:BatchGetItem dynamodb:ConditionCheckItem dynamodb:DeleteItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query dynamodb:Scan dynamodb:UpdateItem on Ledger",
            "dynamodb:BatchGetItem dynamodb:ConditionCheckItem dynamodb:DeleteItem dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem on SubjectKeys",
            "dynamodb:Query on ${Ledger.Arn}/index/due",
        ],
    ),
    (
        "Retention",
        &[
            "dynamodb:BatchGetItem dynamodb:ConditionCheckItem dynamodb:DeleteItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query dynamodb:UpdateItem on Ledger",
            "dynamodb:DeleteItem on SubjectKeys",
            r#"dynamodb:GetItem on SubjectKeys if {"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["campaign#*"]}}"#,
            "dynamodb:Query on ${Ledger.Arn}/index/due",
        ],
    ),
    (
        "Campaigns",
        &[
            "dynamodb:BatchGetItem dynamodb:ConditionCheckItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query dynamodb:UpdateItem on Ledger",
            r#"dynamodb:DeleteItem on Ledger if {"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["campaign#*"]}}"#,
            "dynamodb:Scan on Ledger",
            "dynamodb:BatchGetItem dynamodb:GetItem dynamodb:PutItem on SubjectKeys",
            "dynamodb:Query on ${Ledger.Arn}/index/due",
        ],
    ),
    (
        "CampaignCheck",
        &[
            "dynamodb:BatchGetItem dynamodb:ConditionCheckItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query dynamodb:UpdateItem on Ledger",
            r#"dynamodb:DeleteItem on Ledger if {"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["campaign#*"]}}"#,
            "dynamodb:Scan on Ledger",
            "dynamodb:Query on ${Ledger.Arn}/index/due",
        ],
    ),
    (
        "Schedule",
        &[
            "lambda:InvokeFunction on OutboxFunction, RetentionFunction, CampaignCheckFunction",
            "sqs:SendMessage on ScheduleFailures",
        ],
    ),
    (
        "Deployment",
        &[
            "lambda:GetAlias lambda:GetProvisionedConcurrencyConfig lambda:UpdateAlias on WebhookFunction, ${WebhookFunction.Arn}:live",
            "cloudwatch:DescribeAlarms on arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:*",
        ],
    ),
];

/// The services through which a function uses the key: those that open with its right what they keep under the key.
const THROUGH: [(&str, &str); 3] = [
    ("Outbox", "dynamodb, secretsmanager, sqs"),
    ("Schedule", "sqs"),
    ("Deployment", ""),
];

pub(super) fn each_role_may_do_what_stands_in_the_table_and_nothing_else(template: &Template) -> Kept {
    let roles = MAY.map(|(name, _)| format!("{name}Role"));
    are_all(template, "AWS::IAM::Role", roles.iter().map(String::as_str))?;
    for ((name, own), logical_id) in MAY.iter().zip(&roles) {
        let through = THROUGH.iter().find(|(role, _)| role == name);
        let through = through.map_or("dynamodb, secretsmanager", |(_, services)| services);
        let mut expected: Vec<String> = own.iter().map(|line| (*line).to_owned()).collect();
        if !through.is_empty() {
            expected.push(format!("kms:Decrypt kms:GenerateDataKey on Key through {through}"));
        }
        if FUNCTIONS.iter().any(|(function, _)| function == name) {
            expected.push("secretsmanager:GetSecretValue on Secret".to_owned());
            expected.push(format!("logs:CreateLogStream logs:PutLogEvents on {name}Logs"));
        }
        expected.sort_unstable();
        let mut found: Vec<_> = statements(template, logical_id).into_iter().map(line).collect();
        found.sort_unstable();
        is(logical_id, &json!(found), &json!(expected))?;
    }
    Ok(())
}

fn statements<'a>(template: &'a Template, role: &str) -> Vec<&'a Value> {
    let policies = many(&template.resource(role)["Properties"]["Policies"]);
    let documents = policies.into_iter().map(|policy| &policy["PolicyDocument"]);
    documents.flat_map(|document| many(&document["Statement"])).collect()
}

/// A statement in a line: the actions, the resources, and `through` which services or `for` which leading keys. A statement of any other form
/// stands there as it is.
fn line(statement: &Value) -> String {
    short(statement).unwrap_or_else(|| statement.to_string())
}

fn short(statement: &Value) -> Option<String> {
    let members: Vec<_> = statement.as_object()?.keys().map(String::as_str).collect();
    let is_plain =
        members == ["Action", "Effect", "Resource"] || members == ["Action", "Condition", "Effect", "Resource"];
    if !is_plain || statement["Effect"] != "Allow" {
        return None;
    }
    let actions: Option<Vec<_>> = many(&statement["Action"]).into_iter().map(Value::as_str).collect();
    let resources: Option<Vec<_>> = many(&statement["Resource"]).into_iter().map(resource).collect();
    let said = format!("{} on {}", actions?.join(" "), resources?.join(", "));
    match statement.get("Condition") {
        None => Some(said),
        Some(condition) => Some(format!("{said} {}", limit(condition)?)),
    }
}

fn resource(resource: &Value) -> Option<String> {
    if let Some(logical_id) = resource["Ref"].as_str() {
        return Some(logical_id.to_owned());
    }
    let text = resource.as_str().or_else(|| resource["Fn::Sub"].as_str());
    if let Some(text) = text {
        return Some(text.to_owned());
    }
    match (resource["Fn::GetAtt"][0].as_str()?, resource["Fn::GetAtt"][1].as_str()?) {
        (logical_id, "Arn") => Some(logical_id.to_owned()),
        (logical_id, attribute) => Some(format!("{logical_id}.{attribute}")),
    }
}

fn limit(condition: &Value) -> Option<String> {
    let services = &condition["StringEquals"]["kms:ViaService"];
    if *condition == json!({ "StringEquals": { "kms:ViaService": services } }) {
        let service = |service: &Value| {
            let service = service["Fn::Sub"]
                .as_str()?
                .strip_suffix(".${AWS::Region}.${AWS::URLSuffix}")?;
            Some(service.to_owned())
        };
        let services: Option<Vec<_>> = many(services).into_iter().map(service).collect();
        return Some(format!("through {}", services?.join(", ")));
    }
    let keys = &condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
    // A condition on keys holds for whoever names none, so it takes one that there has to be a key.
    let with_keys = json!({
        "Null": { "dynamodb:LeadingKeys": "false" },
        "ForAllValues:StringLike": { "dynamodb:LeadingKeys": keys },
    });
    if *condition == with_keys {
        let keys: Option<Vec<_>> = many(keys).into_iter().map(Value::as_str).collect();
        return Some(format!("for {}", keys?.join(", ")));
    }
    Some(format!("if {condition}"))
}

pub(super) fn each_role_can_be_taken_by_its_service_alone(template: &Template) -> Kept {
    for (name, _) in MAY {
        let logical_id = format!("{name}Role");
        let (service, is_ours) = match name {
            "Schedule" => ("scheduler.amazonaws.com", true),
            "Deployment" => ("codedeploy.amazonaws.com", true),
            _ => ("lambda.amazonaws.com", false),
        };
        let mut statement = json!({
            "Effect": "Allow",
            "Principal": { "Service": service },
            "Action": "sts:AssumeRole",
        });
        if is_ours {
            // Nobody else's schedule or deployment can have the service take the role for them.
            statement["Condition"] = json!({ "StringEquals": { "aws:SourceAccount": reference("AWS::AccountId") } });
        }
        let expected = json!({ "Version": "2012-10-17", "Statement": [statement] });
        let found = &template.resource(&logical_id)["Properties"]["AssumeRolePolicyDocument"];
        is(&logical_id, found, &expected)?;
    }
    Ok(())
}

pub(super) fn no_role_has_managed_policies_or_wildcards(template: &Template) -> Kept {
    // Lists of what there is are asked for without a resource, or with all of them.
    let lists = ["dynamodb:ListStreams", "cloudwatch:DescribeAlarms"];
    for (logical_id, role) in template.all("AWS::IAM::Role") {
        let members: Vec<_> = role.as_object().into_iter().flat_map(|role| role.keys()).collect();
        is(
            logical_id,
            &json!(members),
            &json!(["AssumeRolePolicyDocument", "Policies"]),
        )?;
        for policy in many(&role["Policies"]) {
            is(logical_id, &policy["PolicyDocument"]["Version"], &json!("2012-10-17"))?;
            let name = FUNCTIONS
                .iter()
                .find(|(function, _)| *logical_id == format!("{function}Role"));
            let name = match (name, logical_id.as_str()) {
                (Some((_, package)), _) => *package,
                (None, "ScheduleRole") => "schedules",
                (None, _) => "deployment",
            };
            is(logical_id, &policy["PolicyName"], &json!(name))?;
        }
        for statement in statements(template, logical_id) {
            let actions = many(&statement["Action"]);
            let wide = actions.iter().any(|action| action.to_string().contains('*'))
                || statement["Resource"].to_string().contains('*');
            let is_list = actions
                .iter()
                .all(|action| action.as_str().is_some_and(|action| lists.contains(&action)));
            if wide && !is_list {
                return Err(format!("{logical_id} is too wide: {statement}"));
            }
        }
    }
    Ok(())
}
