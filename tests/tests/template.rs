//! What the template has to promise, whatever else changes in it.

#![allow(missing_docs, reason = "nobody reads the documentation of a test")]
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use serde_json::{Value, json};
use serde_yaml_ng::Value as Yaml;

const FUNCTIONS: [(&str, &str); 7] = [
    ("Webhook", "webhook"),
    ("OptIn", "opt-in"),
    ("Outbox", "outbox"),
    ("Rights", "rights"),
    ("Retention", "retention"),
    ("Campaigns", "campaigns"),
    ("CampaignCheck", "campaign-check"),
];

/// The template as JSON, in which `!Ref Key` reads `{"!Ref": "Key"}`.
fn template() -> Value {
    plain(serde_yaml_ng::from_str(include_str!("../../template.yaml")).unwrap())
}

fn plain(value: Yaml) -> Value {
    match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(bool) => bool.into(),
        Yaml::Number(number) => serde_json::to_value(number).unwrap(),
        Yaml::String(text) => text.into(),
        Yaml::Sequence(list) => list.into_iter().map(plain).collect(),
        Yaml::Mapping(map) => map
            .into_iter()
            .map(|(key, value)| (key.as_str().unwrap().to_owned(), plain(value)))
            .collect(),
        Yaml::Tagged(tagged) => json!({ tagged.tag.to_string(): plain(tagged.value) }),
    }
}

fn resource(logical_id: &str) -> Value {
    let resource = template()["Resources"][logical_id].clone();
    assert!(resource.is_object(), "{logical_id} is missing");
    resource
}

fn properties(logical_id: &str) -> Value {
    resource(logical_id)["Properties"].clone()
}

fn all_of_type(kind: &str) -> Vec<(String, Value)> {
    let template = template();
    let resources = template["Resources"].as_object().unwrap().iter();
    let found: Vec<_> = resources
        .filter(|(_, r)| r["Type"] == kind)
        .map(|(id, r)| (id.clone(), r.clone()))
        .collect();
    assert!(!found.is_empty(), "there is no {kind}");
    found
}

/// One or many, as CloudFormation lets both be written.
fn many(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}

fn statements(role: &str) -> Vec<Value> {
    let policies = many(&properties(role)["Policies"]);
    policies
        .iter()
        .flat_map(|policy| many(&policy["PolicyDocument"]["Statement"]))
        .collect()
}

/// The actions that a role is allowed on exactly this resource.
fn actions(role: &str, resource: &Value) -> BTreeSet<String> {
    let statements = statements(role);
    let on_it = statements
        .iter()
        .filter(|statement| many(&statement["Resource"]).contains(resource));
    on_it
        .flat_map(|statement| many(&statement["Action"]))
        .map(|action| action.as_str().unwrap().to_owned())
        .collect()
}

fn set<const N: usize>(actions: [&str; N]) -> BTreeSet<String> {
    actions.map(str::to_owned).into()
}

fn arn(logical_id: &str) -> Value {
    json!({ "!GetAtt": format!("{logical_id}.Arn") })
}

#[test]
fn nothing_that_holds_data_is_deleted_with_the_stack() {
    for logical_id in ["Key", "Ledger", "SubjectKeys", "Secret"] {
        let resource = resource(logical_id);
        assert_eq!(resource["DeletionPolicy"], "Retain", "{logical_id}");
        assert_eq!(resource["UpdateReplacePolicy"], "Retain", "{logical_id}");
    }
}

#[test]
fn every_table_is_on_demand_protected_and_encrypted_with_the_rotated_key() {
    let tables = all_of_type("AWS::DynamoDB::Table");
    assert_eq!(tables.len(), 2);
    for (logical_id, table) in tables {
        let table = &table["Properties"];
        assert_eq!(table["BillingMode"], "PAY_PER_REQUEST", "{logical_id}");
        assert_eq!(table["DeletionProtectionEnabled"], true, "{logical_id}");
        let encryption = json!({ "SSEEnabled": true, "SSEType": "KMS", "KMSMasterKeyId": arn("Key") });
        assert_eq!(table["SSESpecification"], encryption, "{logical_id}");
    }
    assert_eq!(properties("Key")["EnableKeyRotation"], true);
    assert_eq!(properties("Secret")["KmsKeyId"], arn("Key"));
}

#[test]
fn the_ledger_has_its_keys_its_deadlines_and_its_expiry() {
    let ledger = properties("Ledger");
    let keys = |hash: &str, range: &str| json!([{ "AttributeName": hash, "KeyType": "HASH" }, { "AttributeName": range, "KeyType": "RANGE" }]);
    assert_eq!(ledger["KeySchema"], keys("pk", "sk"));
    let index = json!({
        "IndexName": "due",
        "KeySchema": keys("due_shard", "due_at"),
        "Projection": { "ProjectionType": "KEYS_ONLY" },
    });
    assert_eq!(ledger["GlobalSecondaryIndexes"], json!([index]));
    let types: BTreeSet<_> = many(&ledger["AttributeDefinitions"])
        .iter()
        .map(|a| {
            format!(
                "{} {}",
                a["AttributeName"].as_str().unwrap(),
                a["AttributeType"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(types, set(["pk S", "sk S", "due_shard S", "due_at N"]));
    assert_eq!(
        ledger["TimeToLiveSpecification"],
        json!({ "AttributeName": "expires_at", "Enabled": true })
    );
    assert_eq!(ledger["StreamSpecification"], json!({ "StreamViewType": "NEW_IMAGE" }));
}

#[test]
fn the_ledger_can_be_restored_for_seven_days_unless_another_span_is_chosen() {
    let recovery = json!({ "PointInTimeRecoveryEnabled": true, "RecoveryPeriodInDays": { "!Ref": "RecoveryDays" } });
    assert_eq!(properties("Ledger")["PointInTimeRecoverySpecification"], recovery);
    assert_eq!(template()["Parameters"]["RecoveryDays"]["Default"], 7);
    assert_eq!(template()["Parameters"]["RecoveryDays"]["MaxValue"], 35);
}

#[test]
fn a_deleted_subject_key_is_gone_from_every_stream_and_backup() {
    let keys = properties("SubjectKeys");
    assert_eq!(keys["KeySchema"], json!([{ "AttributeName": "pk", "KeyType": "HASH" }]));
    assert_eq!(
        keys["AttributeDefinitions"],
        json!([{ "AttributeName": "pk", "AttributeType": "S" }])
    );
    assert_eq!(keys["StreamSpecification"], Value::Null);
    assert_eq!(
        keys["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"],
        false
    );
}

#[test]
fn every_function_is_built_with_cargo_lambda_for_the_chosen_processor() {
    let globals = &template()["Globals"]["Function"];
    assert_eq!(globals["Runtime"], "provided.al2023");
    assert_eq!(globals["Handler"], "bootstrap");
    assert_eq!(globals["Architectures"], json!([{ "!Ref": "Architecture" }]));
    assert_eq!(template()["Parameters"]["Architecture"]["Default"], "arm64");
    assert_eq!(all_of_type("AWS::Serverless::Function").len(), FUNCTIONS.len());
    for (name, package) in FUNCTIONS {
        let function = resource(&format!("{name}Function"));
        let build = json!({ "BuildMethod": "rust-cargolambda", "BuildProperties": { "Binary": package } });
        assert_eq!(function["Metadata"], build);
        assert_eq!(function["Properties"]["CodeUri"], format!("functions/{package}"));
    }
}

#[test]
fn every_function_gets_the_settings_it_reads() {
    let variables = json!({
        "LEDGER_TABLE": { "!Ref": "Ledger" },
        "KEY_TABLE": { "!Ref": "SubjectKeys" },
        "SECRET_ID": { "!Ref": "Secret" },
        "GRAPH_BASE_URL": { "!Ref": "GraphBaseUrl" },
    });
    assert_eq!(template()["Globals"]["Function"]["Environment"]["Variables"], variables);
    assert_eq!(
        template()["Parameters"]["GraphBaseUrl"]["Default"],
        "https://graph.facebook.com/v26.0"
    );
}

#[test]
fn every_function_writes_to_its_own_log_group_and_every_log_ends() {
    for (name, _) in FUNCTIONS {
        let logs = format!("{name}Logs");
        assert_eq!(
            properties(&format!("{name}Function"))["LoggingConfig"]["LogGroup"],
            json!({ "!Ref": logs })
        );
        assert_eq!(
            actions(&format!("{name}Role"), &arn(&logs)),
            set(["logs:CreateLogStream", "logs:PutLogEvents"])
        );
    }
    for (logical_id, group) in all_of_type("AWS::Logs::LogGroup") {
        assert_eq!(
            group["Properties"]["RetentionInDays"],
            json!({ "!Ref": "LogDays" }),
            "{logical_id}"
        );
    }
}

#[test]
fn each_function_may_do_what_it_needs_on_the_tables_and_nothing_else() {
    let read = ["dynamodb:BatchGetItem", "dynamodb:GetItem"];
    let write = ["dynamodb:ConditionCheckItem", "dynamodb:PutItem", "dynamodb:UpdateItem"];
    let both = set([read[0], read[1], write[0], write[1], write[2]]);
    let with_query = &both | &set(["dynamodb:Query"]);
    let index = json!({ "!Sub": "${Ledger.Arn}/index/due" });

    assert_eq!(actions("WebhookRole", &arn("Ledger")), both);
    assert_eq!(actions("WebhookRole", &arn("SubjectKeys")), both);
    assert_eq!(actions("WebhookRole", &index), set([]));
    assert_eq!(actions("OptInRole", &arn("Ledger")), with_query);
    assert_eq!(actions("OptInRole", &arn("SubjectKeys")), both);
    assert_eq!(actions("OptInRole", &index), set([]));
    assert_eq!(actions("OutboxRole", &arn("Ledger")), both);
    let delete = set(["dynamodb:DeleteItem"]);
    assert_eq!(actions("OutboxRole", &arn("SubjectKeys")), &set(read) | &delete);
    assert_eq!(actions("OutboxRole", &index), set(["dynamodb:Query"]));
    assert_eq!(actions("RightsRole", &arn("SubjectKeys")), &both | &delete);
    assert_eq!(actions("RightsRole", &index), set(["dynamodb:Query"]));
    assert_eq!(actions("RetentionRole", &arn("Ledger")), &with_query | &delete);
    assert_eq!(
        actions("RetentionRole", &arn("SubjectKeys")),
        &delete | &set(["dynamodb:GetItem"])
    );
    assert_eq!(actions("RetentionRole", &index), set(["dynamodb:Query"]));
    let with_scan = &with_query | &set(["dynamodb:Scan"]);
    assert_eq!(actions("RightsRole", &arn("Ledger")), &with_scan | &delete);
    assert_eq!(actions("CampaignsRole", &arn("Ledger")), &with_scan | &delete);
    assert_eq!(
        actions("CampaignsRole", &arn("SubjectKeys")),
        set([read[0], read[1], write[1]])
    );
    assert_eq!(actions("CampaignsRole", &index), set(["dynamodb:Query"]));
    assert_eq!(actions("CampaignCheckRole", &arn("Ledger")), &with_scan | &delete);
    assert_eq!(actions("CampaignCheckRole", &arn("SubjectKeys")), set([]));
    assert_eq!(actions("CampaignCheckRole", &index), set(["dynamodb:Query"]));
}

#[test]
fn no_role_has_wildcards_or_managed_policies_only_two_may_delete_records_and_only_campaigns_and_figures_scan() {
    for (logical_id, role) in all_of_type("AWS::IAM::Role") {
        assert_eq!(role["Properties"]["ManagedPolicyArns"], Value::Null, "{logical_id}");
        for statement in statements(&logical_id) {
            let actions = many(&statement["Action"]);
            for action in &actions {
                let action = action.as_str().unwrap();
                assert!(!action.contains('*'), "{logical_id}: {action}");
                let may_scan = ["CampaignsRole", "CampaignCheckRole", "RightsRole"].contains(&logical_id.as_str());
                assert!(action != "dynamodb:Scan" || may_scan, "{logical_id}");
                let may_delete = ["RightsRole", "RetentionRole"].contains(&logical_id.as_str());
                let only = |prefix| json!({ "ForAllValues:StringLike": { "dynamodb:LeadingKeys": [prefix] } });
                let of_nobody = ["outbox#*", "campaign#*"].map(only);
                assert!(
                    action != "dynamodb:DeleteItem" || may_delete || of_nobody.contains(&statement["Condition"]),
                    "{logical_id}: {statement}"
                );
            }
            let wide = statement["Resource"].to_string().contains('*');
            let lists = [json!("dynamodb:ListStreams"), json!("cloudwatch:DescribeAlarms")];
            assert!(
                !wide || actions.iter().all(|action| lists.contains(action)),
                "{logical_id}: {statement}"
            );
        }
    }
    for (name, _) in FUNCTIONS {
        assert_eq!(
            properties(&format!("{name}Function"))["Role"],
            arn(&format!("{name}Role"))
        );
    }
}

#[test]
fn each_function_may_read_the_secret_and_use_the_key_only_through_the_services() {
    for (name, _) in FUNCTIONS {
        let role = format!("{name}Role");
        assert_eq!(
            actions(&role, &json!({ "!Ref": "Secret" })),
            set(["secretsmanager:GetSecretValue"])
        );
        assert_eq!(actions(&role, &arn("Key")), set(["kms:Decrypt", "kms:GenerateDataKey"]));
        let key = statements(&role)
            .into_iter()
            .find(|statement| statement["Resource"] == arn("Key"))
            .unwrap();
        // The outbox alone writes to an encrypted queue.
        let queues = (name == "Outbox").then_some("sqs");
        let services = ["dynamodb", "secretsmanager"].into_iter().chain(queues);
        let services =
            services.map(|service| json!({ "!Sub": format!("{service}.${{AWS::Region}}.${{AWS::URLSuffix}}") }));
        let services: Vec<_> = services.collect();
        assert_eq!(
            key["Condition"]["StringEquals"]["kms:ViaService"],
            json!(services),
            "{role}"
        );
    }
}

#[test]
fn the_routes_are_those_of_the_api_and_all_but_metas_and_peoples_need_a_signature() {
    let signed = json!({ "!If": ["HasJwt", "JWT", "AWS_IAM"] });
    let authorizer = json!({ "!If": ["HasJwt", { "!Ref": "JwtAuthorizer" }, { "!Ref": "AWS::NoValue" }] });
    let mut routes = BTreeSet::new();
    for (logical_id, route) in all_of_type("AWS::ApiGatewayV2::Route") {
        let route = &route["Properties"];
        let key = route["RouteKey"].as_str().unwrap();
        let (_, path) = key.split_once(' ').unwrap();
        let api = if path == "/webhook" { "WebhookApi" } else { "Api" };
        assert_eq!(route["ApiId"], json!({ "!Ref": api }), "{logical_id}");
        if ["/webhook", "/cases/{link}"].contains(&path) {
            assert_eq!(route["AuthorizationType"], "NONE", "{logical_id}");
        } else {
            assert_eq!(
                (&route["AuthorizationType"], &route["AuthorizerId"]),
                (&signed, &authorizer)
            );
        }
        let target = route["Target"]["!Sub"].as_str().unwrap();
        let integration = target
            .strip_prefix("integrations/${")
            .and_then(|rest| rest.strip_suffix('}'))
            .unwrap();
        let integration = properties(integration);
        assert_eq!(integration["ApiId"], json!({ "!Ref": api }), "{logical_id}");
        assert_eq!(integration["PayloadFormatVersion"], "2.0", "{logical_id}");
        let uri = integration["IntegrationUri"]
            .as_object()
            .unwrap()
            .values()
            .next()
            .unwrap();
        let (function, _) = uri.as_str().unwrap().split_once('.').unwrap();
        routes.insert(format!("{function} {key}"));
    }
    let expected = set([
        "WebhookFunction GET /webhook",
        "WebhookFunction POST /webhook",
        "OptInFunction POST /v1/opt-ins",
        "OptInFunction POST /v1/contacts/lookup",
        "OptInFunction GET /v1/contacts/{contact_id}",
        "OptInFunction GET /v1/contacts/{contact_id}/evidence",
        "OptInFunction POST /v1/contacts/{contact_id}/withdrawals",
        "RightsFunction POST /v1/contacts/{contact_id}/erasure",
        "RightsFunction GET /v1/erasures/{erasure_id}",
        "RightsFunction PUT /v1/contacts/{contact_id}/legal-hold",
        "RightsFunction DELETE /v1/contacts/{contact_id}/legal-hold",
        "RightsFunction GET /v1/retention/runs",
        "RightsFunction GET /cases/{link}",
        "RightsFunction GET /v1/cases",
        "RightsFunction GET /v1/cases/{case_id}",
        "RightsFunction GET /v1/cases/{case_id}/copy",
        "RightsFunction GET /v1/reports/digest",
        "RightsFunction POST /cases/{link}",
        "RightsFunction POST /v1/cases",
        "RightsFunction POST /v1/cases/{case_id}/extend",
        "RightsFunction POST /v1/cases/{case_id}/fulfil",
        "RightsFunction POST /v1/cases/{case_id}/lift",
        "RightsFunction POST /v1/cases/{case_id}/refuse",
        "RightsFunction POST /v1/cases/{case_id}/verify",
        "RightsFunction POST /v1/cases/{case_id}/withdraw",
        "CampaignsFunction PUT /v1/campaigns/{campaign_id}",
        "CampaignsFunction GET /v1/campaigns/{campaign_id}",
        "CampaignsFunction PUT /v1/campaigns/{campaign_id}/audience/{part}",
        "CampaignsFunction POST /v1/campaigns/{campaign_id}/check",
        "CampaignsFunction GET /v1/campaigns/{campaign_id}/recipients",
        "CampaignsFunction POST /v1/campaigns/{campaign_id}/sends",
        "CampaignsFunction POST /v1/campaigns/{campaign_id}/sends/results",
        "CampaignsFunction POST /v1/tickets/verify",
        "CampaignsFunction POST /v1/consent-checks",
    ]);
    assert_eq!(routes, expected);
}

#[test]
fn the_access_log_holds_neither_query_nor_path_nor_address() {
    for stage in ["Stage", "WebhookStage"] {
        let log = properties(stage)["AccessLogSettings"].clone();
        assert_eq!(log["DestinationArn"], arn("ApiLogs"));
        let format = log["Format"].as_str().unwrap();
        serde_json::from_str::<Value>(format).unwrap();
        assert!(format.contains("$context.routeKey"));
        for personal in ["queryString", "$context.path", "sourceIp", "userAgent", "$request"] {
            assert!(!format.contains(personal), "{personal}");
        }
    }
}

#[test]
fn the_outbox_is_fed_by_new_outbox_items_and_gives_up_in_the_open() {
    let stream = properties("OutboxFunction")["Events"]["Written"].clone();
    assert_eq!(stream["Type"], "DynamoDB");
    let stream = &stream["Properties"];
    assert_eq!(stream["Stream"], json!({ "!GetAtt": "Ledger.StreamArn" }));
    assert_eq!(stream["StartingPosition"], "TRIM_HORIZON");
    let filters = many(&stream["FilterCriteria"]["Filters"]);
    let [filter] = filters.as_slice() else {
        panic!("one filter, not {filters:?}")
    };
    let pattern: Value = serde_json::from_str(filter["Pattern"].as_str().unwrap()).unwrap();
    let inserted = json!({ "eventName": ["INSERT"], "dynamodb": { "NewImage": { "kind": { "S": ["outbox"] } } } });
    assert_eq!(pattern, inserted);
    assert_eq!(stream["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]));
    assert_eq!(stream["BisectBatchOnFunctionError"], true);
    assert!((1..=10).contains(&stream["MaximumRetryAttempts"].as_i64().unwrap()));
    assert!((60..=86_400).contains(&stream["MaximumRecordAgeInSeconds"].as_i64().unwrap()));
    let failures = json!({ "Type": "SQS", "Destination": arn("OutboxFailures") });
    assert_eq!(stream["DestinationConfig"]["OnFailure"], failures);
    assert_eq!(actions("OutboxRole", &arn("OutboxFailures")), set(["sqs:SendMessage"]));
    let reads = set([
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
    ]);
    assert_eq!(actions("OutboxRole", &json!({ "!GetAtt": "Ledger.StreamArn" })), reads);
}

#[test]
fn the_outbox_is_swept_every_five_minutes() {
    let sweep = properties("OutboxFunction")["Events"]["Sweep"].clone();
    assert_eq!(sweep["Type"], "ScheduleV2");
    assert_eq!(sweep["Properties"]["ScheduleExpression"], "rate(5 minutes)");
    assert!(
        sweep["Properties"]["Name"]["!Sub"]
            .as_str()
            .unwrap()
            .contains("${AWS::StackName}")
    );
}

#[test]
fn the_purge_runs_every_hour_for_as_long_as_lambda_allows() {
    let retention = properties("RetentionFunction");
    assert_eq!(retention["Timeout"], 900);
    let hourly = &retention["Events"]["Hourly"];
    assert_eq!(hourly["Type"], "ScheduleV2");
    assert_eq!(hourly["Properties"]["ScheduleExpression"], "rate(1 hour)");
    let name = hourly["Properties"]["Name"]["!Sub"].as_str().unwrap();
    assert!(name.contains("${AWS::StackName}"));
}

#[test]
fn campaigns_are_checked_every_quarter_of_an_hour() {
    let check = properties("CampaignCheckFunction");
    assert_eq!(check["Timeout"], 900);
    let schedule = &check["Events"]["QuarterHourly"];
    assert_eq!(schedule["Type"], "ScheduleV2");
    assert_eq!(schedule["Properties"]["ScheduleExpression"], "rate(15 minutes)");
    let name = schedule["Properties"]["Name"]["!Sub"].as_str().unwrap();
    assert!(name.contains("${AWS::StackName}"));
}

/// The numbers of the code that an alarm of our own namespace watches must be measured by it.
#[test]
fn every_alarm_watches_what_there_is_tells_somebody_and_leads_to_what_to_do() {
    let runbook = include_str!("../../infra/runbook.md");
    let anchors: BTreeSet<String> = runbook
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .map(|heading| heading.to_lowercase().replace(' ', "-"))
        .collect();
    let mut led_to = BTreeSet::new();
    for (logical_id, alarm) in all_of_type("AWS::CloudWatch::Alarm") {
        let alarm = &alarm["Properties"];
        let said = alarm["AlarmDescription"]["!Sub"].as_str().unwrap();
        let (_, anchor) = said.split_once("${RunbookUrl}#").unwrap();
        assert!(anchors.contains(anchor), "{logical_id}: {anchor}");
        led_to.insert(anchor.to_owned());
        assert_eq!(alarm["AlarmActions"], json!([{ "!Ref": "Alarms" }]), "{logical_id}");
        if alarm["Namespace"] == "Assent" {
            let function = alarm["Dimensions"][0]["Value"].as_str().unwrap();
            let metric = alarm["MetricName"].as_str().unwrap();
            assert!(
                measures(function, metric),
                "{logical_id}: {function} measures no {metric}"
            );
        }
    }
    assert_eq!(
        led_to, anchors,
        "the runbook has a place for every alarm and for nothing else"
    );
}

/// Whether the name of a metric stands in the code of a function, or of what it is made of.
fn measures(function: &str, metric: &str) -> bool {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let folder = format!("{root}/functions/{function}/src");
    let mut folders = vec![std::path::PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read_to_string(&path)
                .unwrap()
                .contains(&format!("\"{metric}\""))
            {
                return true;
            }
        }
    }
    false
}

#[test]
fn each_thing_that_can_go_wrong_has_an_alarm() {
    let watched: BTreeSet<String> = all_of_type("AWS::CloudWatch::Alarm")
        .into_iter()
        .map(|(_, alarm)| {
            let alarm = &alarm["Properties"];
            let dimension = &alarm["Dimensions"][0]["Value"];
            let of = match dimension {
                Value::String(function) => function.clone(),
                other => other
                    .as_object()
                    .unwrap()
                    .values()
                    .next()
                    .unwrap()
                    .as_str()
                    .unwrap()
                    .to_owned(),
            };
            format!("{of} {}", alarm["MetricName"].as_str().unwrap())
        })
        .collect();
    let mut expected = set([
        "webhook deliveries_refused",
        "webhook deliveries_to_repeat",
        "webhook quarantined",
        "webhook findings",
        "Api 5xx",
        "WebhookApi 5xx",
        "OutboxFunction IteratorAge",
        "outbox outbox_errors",
        "outbox outbox_blocked",
        "retention purge_lag_seconds",
        "retention purge_unknown_kind",
        "retention cases_overdue",
        "retention cases_nearly_due",
        "campaign-check campaigns_held",
        "campaign-check campaigns_blocked",
        "campaigns findings",
        "OutboxFailures.QueueName ApproximateNumberOfMessagesVisible",
        "ScheduleFailures.QueueName ApproximateNumberOfMessagesVisible",
        "Ledger ThrottledRequests",
        "ApiLogs LogEventsWithFindings",
    ]);
    for (name, _) in FUNCTIONS {
        expected.insert(format!("{name}Function Throttles"));
        expected.insert(format!("{name}Function Errors"));
        expected.insert(format!("{name}Logs LogEventsWithFindings"));
    }
    assert_eq!(watched, expected);
}

#[test]
fn the_silence_of_the_purge_is_an_alarm_after_26_hours() {
    let alarm = properties("PurgeSilenceAlarm");
    assert_eq!(
        (
            &alarm["Period"],
            &alarm["EvaluationPeriods"],
            &alarm["TreatMissingData"]
        ),
        (&json!(3600), &json!(26), &json!("breaching"))
    );
}

#[test]
fn data_leaves_the_union_only_where_somebody_names_the_region() {
    let rule = &template()["Rules"]["DataStaysInTheUnion"]["Assertions"][0]["Assert"]["!Or"];
    let union = [
        "eu-central-1",
        "eu-north-1",
        "eu-south-1",
        "eu-south-2",
        "eu-west-1",
        "eu-west-3",
    ];
    assert_eq!(rule[0]["!Contains"], json!([union, { "!Ref": "AWS::Region" }]));
    assert_eq!(
        rule[1]["!Equals"],
        json!([{ "!Ref": "OtherRegion" }, { "!Ref": "AWS::Region" }])
    );
    assert_eq!(template()["Parameters"]["OtherRegion"]["Default"], "");
}

#[test]
fn logs_queues_and_the_environment_are_encrypted_with_the_key_and_logs_mask_what_is_personal() {
    for (logical_id, group) in all_of_type("AWS::Logs::LogGroup") {
        let group = &group["Properties"];
        assert_eq!(group["KmsKeyId"], arn("Key"), "{logical_id}");
        let statements = many(&group["DataProtectionPolicy"]["Statement"]);
        let operations: Vec<_> = statements
            .iter()
            .map(|statement| statement["Operation"].clone())
            .collect();
        assert!(
            operations.iter().any(|operation| operation["Audit"].is_object()),
            "{logical_id}"
        );
        assert!(
            operations.iter().any(|operation| operation["Deidentify"].is_object()),
            "{logical_id}"
        );
    }
    for (logical_id, queue) in all_of_type("AWS::SQS::Queue") {
        assert_eq!(
            queue["Properties"]["KmsMasterKeyId"],
            json!({ "!Ref": "Key" }),
            "{logical_id}"
        );
    }
    assert_eq!(template()["Globals"]["Function"]["KmsKeyArn"], arn("Key"));
    assert_eq!(properties("Alarms")["KmsMasterKeyId"], json!({ "!Ref": "Key" }));
}

#[test]
fn what_works_through_the_table_has_its_share_and_no_more() {
    for (function, share) in [("Outbox", 10), ("Retention", 2), ("CampaignCheck", 8)] {
        let reserved = json!({ "!If": ["Reserves", share, { "!Ref": "AWS::NoValue" }] });
        assert_eq!(
            properties(&format!("{function}Function"))["ReservedConcurrentExecutions"],
            reserved
        );
    }
    // A limit there would be a limit to how many stops are honoured at once.
    assert_eq!(
        properties("WebhookFunction")["ReservedConcurrentExecutions"],
        Value::Null
    );
}

#[test]
fn each_route_is_throttled_and_those_for_people_are_slow() {
    for stage in ["Stage", "WebhookStage"] {
        let stage = resource(stage);
        let settings = &stage["Properties"];
        assert!(
            settings["DefaultRouteSettings"]["ThrottlingRateLimit"]
                .as_u64()
                .unwrap()
                > 0
        );
        let named = settings["RouteSettings"].as_object().unwrap();
        let known: BTreeSet<String> = many(&stage["DependsOn"])
            .iter()
            .map(|route| {
                properties(route.as_str().unwrap())["RouteKey"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        assert_eq!(known, named.keys().cloned().collect(), "a limit needs its route");
    }
    let limit = |stage: &str, route: &str| {
        properties(stage)["RouteSettings"][route]["ThrottlingRateLimit"]
            .as_u64()
            .unwrap()
    };
    for route in ["GET /cases/{link}", "POST /cases/{link}"] {
        assert_eq!(limit("Stage", route), 10, "{route}");
    }
    assert!(limit("WebhookStage", "POST /webhook") >= 500);
}

#[test]
fn what_a_schedule_could_not_begin_is_kept() {
    for function in ["Outbox", "Retention", "CampaignCheck"] {
        let events = properties(&format!("{function}Function"))["Events"].clone();
        let schedules = events
            .as_object()
            .unwrap()
            .values()
            .filter(|event| event["Type"] == "ScheduleV2");
        for schedule in schedules {
            let schedule = &schedule["Properties"];
            assert_eq!(
                schedule["DeadLetterConfig"]["Arn"],
                arn("ScheduleFailures"),
                "{function}"
            );
            assert_eq!(schedule["RoleArn"], arn("ScheduleRole"), "{function}");
            assert!(
                schedule["RetryPolicy"]["MaximumRetryAttempts"].is_number(),
                "{function}"
            );
        }
    }
}
