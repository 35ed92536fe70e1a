//! What the roles may do.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{FUNCTIONS, Kept, are_all, arn, is, many, reference};
use crate::template::Template;

/// What each role may do beyond what all functions may, a line for a statement; see [`line`]. Whoever changes a role finds the new line in what
/// the test says.
const MAY: [(&str, &[&str]); 9] = [
    (
        "Webhook",
        &[
            "dynamodb:GetItem on Ledger for outbox#*, policy",
            "dynamodb:BatchGetItem on Ledger for alias#*, contact#*",
            "dynamodb:BatchGetItem on SubjectKeys for contact#*",
            "dynamodb:PutItem on Ledger for alias#*, contact#*, health#*, outbox#*, quarantine#*",
            "dynamodb:PutItem on SubjectKeys for contact#*, quarantine#*",
            "dynamodb:UpdateItem on Ledger for campaign#*, contact#*, outbox#*",
            "dynamodb:ConditionCheckItem on Ledger for contact#*",
            "dynamodb:ConditionCheckItem on SubjectKeys for contact#*",
        ],
    ),
    (
        "OptIn",
        &[
            "dynamodb:GetItem on Ledger for policy",
            "dynamodb:BatchGetItem on Ledger for alias#*, contact#*",
            "dynamodb:BatchGetItem on SubjectKeys for contact#*",
            "dynamodb:Query on Ledger for contact#*",
            "dynamodb:PutItem on Ledger for alias#*, contact#*, idempotency#*, outbox#*",
            "dynamodb:PutItem on SubjectKeys for contact#*",
            "dynamodb:ConditionCheckItem on Ledger for contact#*",
            "dynamodb:ConditionCheckItem on SubjectKeys for contact#*",
        ],
    ),
    (
        "Outbox",
        &[
            "dynamodb:GetItem on Ledger for policy",
            "dynamodb:Query on ${Ledger.Arn}/index/due for outbox#*",
            "dynamodb:BatchGetItem on Ledger for alias#*, case#*, cases#*, contact#*",
            "dynamodb:BatchGetItem on SubjectKeys for case#*, contact#*",
            "dynamodb:PutItem on Ledger for alias#*, case#*, cases#*, contact#*, outbox#*",
            "dynamodb:PutItem on SubjectKeys for case#*",
            "dynamodb:UpdateItem on Ledger for erasure#*, outbox#*",
            "dynamodb:ConditionCheckItem on Ledger for contact#*",
            "dynamodb:DeleteItem dynamodb:GetItem on SubjectKeys for outbox#*",
            "dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator on Ledger.StreamArn",
            "dynamodb:ListStreams on *",
            "sqs:SendMessage on OutboxFailures",
        ],
    ),
    (
        "Rights",
        &[
            "dynamodb:GetItem on Ledger for campaign#*, case#*, contact#*, copy#*, erasure#*, outbox#*, policy, policy#*",
            "dynamodb:BatchGetItem on Ledger for alias#*, case#*, cases#*, contact#*, outbox#*, quarantine#*",
            "dynamodb:BatchGetItem on SubjectKeys for campaign#*, case#*, contact#*, erased#*",
            "dynamodb:Query on Ledger for campaign#*, cases#*, contact#*, copy#*, purge_runs",
            "dynamodb:Query on ${Ledger.Arn}/index/due for audiences#0, closed_cases#0, open_cases#0, quarantine#0",
            "dynamodb:Scan on Ledger showing pk, sk, kind, body",
            "dynamodb:PutItem on Ledger for alias#*, campaign#*, case#*, cases#*, contact#*, copy#*, erased#*, erasure#*, outbox#*",
            "dynamodb:PutItem on SubjectKeys for case#*, contact#*, outbox#*",
            "dynamodb:UpdateItem on Ledger for case#*, erasure#*",
            "dynamodb:UpdateItem on SubjectKeys for erased#*",
            "dynamodb:ConditionCheckItem on Ledger for contact#*",
            "dynamodb:ConditionCheckItem on SubjectKeys for contact#*",
            "dynamodb:DeleteItem on Ledger for campaign#*, cases#*, contact#*, copy#*, outbox#*, quarantine#*",
            "dynamodb:DeleteItem on SubjectKeys for case#*, contact#*, quarantine#*",
        ],
    ),
    (
        "Retention",
        &[
            "dynamodb:GetItem on Ledger for campaign#*, case#*, contact#*, erasure#*, policy",
            "dynamodb:Query on ${Ledger.Arn}/index/due for audiences#0, closed_cases#0, open_cases#0, purge#*, quarantine#0, set_aside",
            "dynamodb:BatchGetItem on Ledger for alias#*, campaign#*, case#*, contact#*, copy#*, erased#*, erasure#*, idempotency#*, outbox#*, purge_runs, quarantine#*, usage#*",
            "dynamodb:Query on Ledger for campaign#*, cases#*, contact#*, copy#*, purge_runs",
            "dynamodb:BatchGetItem on SubjectKeys for campaign#*",
            "dynamodb:PutItem on Ledger for alias#*, campaign#*, contact#*, purge_runs",
            "dynamodb:UpdateItem on Ledger for alias#*, campaign#*, case#*, contact#*, copy#*, erased#*, erasure#*, outbox#*, purge_runs, quarantine#*, retention",
            "dynamodb:ConditionCheckItem on Ledger for campaign#*, contact#*",
            "dynamodb:DeleteItem on Ledger for alias#*, campaign#*, case#*, cases#*, contact#*, copy#*, erased#*, erasure#*, idempotency#*, outbox#*, purge_runs, quarantine#*, usage#*",
            "dynamodb:DeleteItem on SubjectKeys for campaign#*, case#*, contact#*, erased#*, outbox#*, quarantine#*",
        ],
    ),
    (
        "Campaigns",
        &[
            "dynamodb:GetItem on Ledger for campaign#*, policy",
            "dynamodb:BatchGetItem on Ledger for alias#*, campaign#*, contact#*, health#*, usage#*",
            "dynamodb:BatchGetItem on SubjectKeys for contact#* showing pk",
            "dynamodb:BatchGetItem dynamodb:PutItem on SubjectKeys for campaign#*",
            "dynamodb:Query on Ledger for campaign#*",
            "dynamodb:Scan on Ledger showing pk, sk, kind, body, countries",
            "dynamodb:PutItem on Ledger for campaign#*, contact#*, health#*, outbox#*",
            "dynamodb:UpdateItem on Ledger for campaign#*, contact#*, usage#*",
            "dynamodb:DeleteItem on Ledger for campaign#*",
        ],
    ),
    (
        "CampaignCheck",
        &[
            "dynamodb:GetItem on Ledger for campaign#*, policy",
            "dynamodb:Query on ${Ledger.Arn}/index/due for campaigns#0",
            "dynamodb:BatchGetItem on Ledger for alias#*, campaign#*, contact#*, health#*, usage#*",
            "dynamodb:Query on Ledger for campaign#*",
            "dynamodb:Scan on Ledger showing pk, sk, kind, body, countries",
            "dynamodb:PutItem on Ledger for campaign#*, health#*",
            "dynamodb:UpdateItem on Ledger for campaign#*",
            "dynamodb:DeleteItem on Ledger for campaign#*",
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

/// A statement in a line: the actions, the resources, and `through` which services, `for` which leading keys or `showing` which attributes. A
/// statement of any other form stands there as it is.
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
    let texts = |value: &Value| -> Option<Vec<String>> {
        let texts = many(value).into_iter().map(|text| text.as_str().map(str::to_owned));
        texts.collect()
    };
    let (mut said, mut whole) = (vec![], json!({}));
    if let Some(keys) = condition["ForAllValues:StringLike"].get("dynamodb:LeadingKeys") {
        said.push(format!("for {}", texts(keys)?.join(", ")));
        whole["ForAllValues:StringLike"] = json!({ "dynamodb:LeadingKeys": keys });
        // A condition on keys holds for whoever names none, so it takes one that there has to be a key.
        whole["Null"] = json!({ "dynamodb:LeadingKeys": "false" });
    }
    if let Some(attributes) = condition["ForAllValues:StringEquals"].get("dynamodb:Attributes") {
        said.push(format!("showing {}", texts(attributes)?.join(", ")));
        whole["ForAllValues:StringEquals"] = json!({ "dynamodb:Attributes": attributes });
        // And whoever names no attribute gets them all.
        whole["StringEquals"] = json!({ "dynamodb:Select": "SPECIFIC_ATTRIBUTES" });
    }
    (*condition == whole).then(|| said.join(" "))
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

/// The statements of a role about tables and their index.
fn about_tables<'a>(template: &'a Template, role: &str) -> Vec<&'a Value> {
    let tables = ["Ledger", "SubjectKeys", "${Ledger.Arn}/index/due"];
    let mut statements = statements(template, role);
    statements.retain(|statement| {
        let mut resources = many(&statement["Resource"]).into_iter().filter_map(resource);
        resources.any(|resource| tables.contains(&resource.as_str()))
    });
    statements
}

/// The kinds of partition keys that a statement is about; none, if it is about any.
fn leading_keys(statement: &Value) -> Option<BTreeSet<&str>> {
    let keys = statement["Condition"]["ForAllValues:StringLike"].get("dynamodb:LeadingKeys")?;
    many(keys).into_iter().map(Value::as_str).collect()
}

/// The attributes that a statement shows; none, if it shows any.
fn attributes(statement: &Value) -> Option<BTreeSet<&str>> {
    let attributes = statement["Condition"]["ForAllValues:StringEquals"].get("dynamodb:Attributes")?;
    many(attributes).into_iter().map(Value::as_str).collect()
}

fn allows(statement: &Value, action: &str) -> bool {
    many(&statement["Action"]).contains(&&json!(action))
}

pub(super) fn each_statement_is_about_kinds_of_keys_or_leaves_out_what_is_sealed(template: &Template) -> Kept {
    for (name, _) in FUNCTIONS {
        for statement in about_tables(template, &format!("{name}Role")) {
            let sealed = ["identity", "details", "references", "wrapped_key"];
            let is_narrow = match (leading_keys(statement), attributes(statement)) {
                (Some(keys), _) => !keys.contains("*"),
                (None, Some(shown)) => {
                    allows(statement, "dynamodb:Scan") && sealed.iter().all(|name| !shown.contains(name))
                }
                (None, None) => false,
            };
            if !is_narrow {
                return Err(format!("{name} may too much: {statement}"));
            }
        }
    }
    Ok(())
}

pub(super) fn records_of_people_are_deleted_by_two_the_webhook_sees_no_case_and_campaigns_no_key(
    template: &Template,
) -> Kept {
    for (name, _) in FUNCTIONS {
        for statement in about_tables(template, &format!("{name}Role")) {
            let keys = leading_keys(statement).unwrap_or_default();
            let is_of_nobody = keys == BTreeSet::from(["campaign#*"]) || keys == BTreeSet::from(["outbox#*"]);
            let of_cases = ["case#*", "cases#*", "copy#*", "open_cases#0", "closed_cases#0"];
            let is_of_subject_keys = many(&statement["Resource"]).contains(&&arn("SubjectKeys"));
            let shows_that_it_is_there =
                allows(statement, "dynamodb:BatchGetItem") && attributes(statement) == Some(BTreeSet::from(["pk"]));
            let is_kept = match name {
                "Rights" | "Retention" => true,
                _ if allows(statement, "dynamodb:DeleteItem") => is_of_nobody,
                "Webhook" => of_cases.iter().all(|kind| !keys.contains(kind)),
                "Campaigns" | "CampaignCheck" if is_of_subject_keys => is_of_nobody || shows_that_it_is_there,
                _ => true,
            };
            if !is_kept {
                return Err(format!("{name} may too much: {statement}"));
            }
        }
    }
    Ok(())
}
