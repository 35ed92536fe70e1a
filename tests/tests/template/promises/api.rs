//! What can be called over HTTP, by whom, and how often.

use serde_json::{Map, Value, json};

use super::{Kept, are_all, arn, depends, either, has, is, nothing, reference, sub};
use crate::template::Template;

/// Every route: its resource, its function, its key.
const ROUTES: [(&str, &str, &str); 34] = [
    ("HandshakeRoute", "Webhook", "GET /webhook"),
    ("DeliveryRoute", "Webhook", "POST /webhook"),
    ("OptInRoute", "OptIn", "POST /v1/opt-ins"),
    ("LookupRoute", "OptIn", "POST /v1/contacts/lookup"),
    ("ContactRoute", "OptIn", "GET /v1/contacts/{contact_id}"),
    ("EvidenceRoute", "OptIn", "GET /v1/contacts/{contact_id}/evidence"),
    ("WithdrawalRoute", "OptIn", "POST /v1/contacts/{contact_id}/withdrawals"),
    ("ErasureRoute", "Rights", "POST /v1/contacts/{contact_id}/erasure"),
    ("CertificateRoute", "Rights", "GET /v1/erasures/{erasure_id}"),
    ("HoldRoute", "Rights", "PUT /v1/contacts/{contact_id}/legal-hold"),
    ("ReleaseRoute", "Rights", "DELETE /v1/contacts/{contact_id}/legal-hold"),
    ("PurgeRunsRoute", "Rights", "GET /v1/retention/runs"),
    ("DigestRoute", "Rights", "GET /v1/reports/digest"),
    ("OpenCaseRoute", "Rights", "POST /v1/cases"),
    ("CasesRoute", "Rights", "GET /v1/cases"),
    ("CaseRoute", "Rights", "GET /v1/cases/{case_id}"),
    ("ExtendCaseRoute", "Rights", "POST /v1/cases/{case_id}/extend"),
    ("FulfilCaseRoute", "Rights", "POST /v1/cases/{case_id}/fulfil"),
    ("LiftRestrictionRoute", "Rights", "POST /v1/cases/{case_id}/lift"),
    ("RefuseCaseRoute", "Rights", "POST /v1/cases/{case_id}/refuse"),
    ("VerifyCaseRoute", "Rights", "POST /v1/cases/{case_id}/verify"),
    ("WithdrawCaseRoute", "Rights", "POST /v1/cases/{case_id}/withdraw"),
    ("CaseCopyRoute", "Rights", "GET /v1/cases/{case_id}/copy"),
    ("CasePageRoute", "Rights", "GET /cases/{link}"),
    ("TellCodeRoute", "Rights", "POST /cases/{link}"),
    ("RegisterCampaignRoute", "Campaigns", "PUT /v1/campaigns/{campaign_id}"),
    ("CampaignRoute", "Campaigns", "GET /v1/campaigns/{campaign_id}"),
    (
        "AudiencePartRoute",
        "Campaigns",
        "PUT /v1/campaigns/{campaign_id}/audience/{part}",
    ),
    (
        "CheckCampaignRoute",
        "Campaigns",
        "POST /v1/campaigns/{campaign_id}/check",
    ),
    (
        "RecipientsRoute",
        "Campaigns",
        "GET /v1/campaigns/{campaign_id}/recipients",
    ),
    ("SendsRoute", "Campaigns", "POST /v1/campaigns/{campaign_id}/sends"),
    (
        "ResultsRoute",
        "Campaigns",
        "POST /v1/campaigns/{campaign_id}/sends/results",
    ),
    ("VerifyTicketRoute", "Campaigns", "POST /v1/tickets/verify"),
    ("ConsentChecksRoute", "Campaigns", "POST /v1/consent-checks"),
];

/// The routes with a limit of their own: how many a second, and how many at once.
const LIMITS: [(&str, u64, u64); 14] = [
    ("GET /webhook", 10, 20),
    ("POST /webhook", 500, 1000),
    ("GET /cases/{link}", 10, 20),
    ("POST /cases/{link}", 10, 20),
    ("POST /v1/campaigns/{campaign_id}/sends", 50, 100),
    ("PUT /v1/campaigns/{campaign_id}/audience/{part}", 5, 10),
    ("POST /v1/consent-checks", 10, 20),
    ("POST /v1/campaigns/{campaign_id}/check", 2, 5),
    ("GET /v1/campaigns/{campaign_id}/recipients", 10, 20),
    ("GET /v1/reports/digest", 1, 2),
    ("POST /v1/contacts/{contact_id}/erasure", 10, 20),
    ("POST /v1/cases/{case_id}/fulfil", 10, 20),
    ("POST /v1/cases/{case_id}/verify", 10, 20),
    ("GET /v1/cases/{case_id}/copy", 10, 20),
];

fn api_of(function: &str) -> &'static str {
    if function == "Webhook" { "WebhookApi" } else { "Api" }
}

/// What is called: the function itself, or the alias of the webhook, which SAM calls otherwise once it has made it.
fn called(template: &Template, function: &str) -> Value {
    match function {
        "Webhook" if template.resource("WebhookFunctionAliaslive").is_object() => reference("WebhookFunctionAliaslive"),
        "Webhook" => reference("WebhookFunction.Alias"),
        function => arn(&format!("{function}Function")),
    }
}

pub(super) fn the_webhook_and_everybody_else_have_apis_of_their_own(template: &Template) -> Kept {
    are_all(template, "AWS::ApiGatewayV2::Api", ["Api", "WebhookApi"])?;
    let api = |name: Value, domain: &str| {
        let closed = either(domain, true, false);
        json!({ "Name": name, "ProtocolType": "HTTP", "DisableExecuteApiEndpoint": closed })
    };
    let everybodys = api(reference("AWS::StackName"), "HasDomain");
    has(template, "Api", "AWS::ApiGatewayV2::Api", everybodys)?;
    let webhooks = api(sub("${AWS::StackName}-webhook"), "HasWebhookDomain");
    has(template, "WebhookApi", "AWS::ApiGatewayV2::Api", webhooks)
}

pub(super) fn every_route_leads_to_its_function_and_all_but_metas_and_peoples_need_authority(
    template: &Template,
) -> Kept {
    are_all(
        template,
        "AWS::ApiGatewayV2::Route",
        ROUTES.map(|(logical_id, ..)| logical_id),
    )?;
    for (logical_id, function, key) in ROUTES {
        let mut route = json!({
            "ApiId": reference(api_of(function)),
            "RouteKey": key,
            "Target": sub(format!("integrations/${{{function}Integration}}")),
            "AuthorizationType": "NONE",
        });
        if !key.ends_with(" /webhook") && !key.ends_with(" /cases/{link}") {
            route["AuthorizationType"] = either("HasJwt", "JWT", "AWS_IAM");
            route["AuthorizerId"] = either("HasJwt", reference("JwtAuthorizer"), nothing());
        }
        has(template, logical_id, "AWS::ApiGatewayV2::Route", route)?;
    }
    let functions = ["Webhook", "OptIn", "Rights", "Campaigns"];
    let integrations = functions.map(|function| format!("{function}Integration"));
    are_all(
        template,
        "AWS::ApiGatewayV2::Integration",
        integrations.iter().map(String::as_str),
    )?;
    for (function, logical_id) in functions.iter().zip(&integrations) {
        let integration = json!({
            "ApiId": reference(api_of(function)),
            "IntegrationType": "AWS_PROXY",
            "IntegrationUri": called(template, function),
            "PayloadFormatVersion": "2.0",
        });
        has(template, logical_id, "AWS::ApiGatewayV2::Integration", integration)?;
    }
    Ok(())
}

pub(super) fn each_function_lets_itself_be_called_by_its_api_on_its_paths_alone(template: &Template) -> Kept {
    let permissions = [
        ("WebhookPermission", "Webhook", "webhook"),
        ("OptInPermission", "OptIn", "v1/*"),
        ("RightsPermission", "Rights", "v1/*"),
        ("PagesPermission", "Rights", "cases/*"),
        ("CampaignsPermission", "Campaigns", "v1/*"),
    ];
    are_all(
        template,
        "AWS::Lambda::Permission",
        permissions.map(|(logical_id, ..)| logical_id),
    )?;
    for (logical_id, function, paths) in permissions {
        let api = api_of(function);
        let source =
            format!("arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{{api}}}/*/*/{paths}");
        let permission = json!({
            "Action": "lambda:InvokeFunction",
            "FunctionName": called(template, function),
            "Principal": "apigateway.amazonaws.com",
            "SourceArn": sub(source),
        });
        has(template, logical_id, "AWS::Lambda::Permission", permission)?;
    }
    Ok(())
}

pub(super) fn every_route_has_a_limit_and_what_costs_much_a_low_one(template: &Template) -> Kept {
    are_all(template, "AWS::ApiGatewayV2::Stage", ["Stage", "WebhookStage"])?;
    let (webhooks, others): (Vec<_>, Vec<_>) = LIMITS.into_iter().partition(|(key, ..)| key.ends_with(" /webhook"));
    stage(template, "Stage", "Api", (100, 200), &others)?;
    stage(template, "WebhookStage", "WebhookApi", (10, 20), &webhooks)
}

fn stage(template: &Template, logical_id: &str, api: &str, usual: (u64, u64), limits: &[(&str, u64, u64)]) -> Kept {
    // Without metrics of each route, every one of which would be paid for.
    let settings = |rate: u64, burst: u64| json!({ "ThrottlingRateLimit": rate, "ThrottlingBurstLimit": burst });
    let routes: Map<String, Value> = limits
        .iter()
        .map(|(key, rate, burst)| ((*key).to_owned(), settings(*rate, *burst)))
        .collect();
    let (rate, burst) = usual;
    let stage = json!({
        "ApiId": reference(api),
        "StageName": "$default",
        "AutoDeploy": true,
        "DefaultRouteSettings": settings(rate, burst),
        "RouteSettings": routes,
        "AccessLogSettings": access_log(),
    });
    has(template, logical_id, "AWS::ApiGatewayV2::Stage", stage)?;
    // A limit can only be given to a route that is there.
    let mut needed: Vec<_> = limits
        .iter()
        .filter_map(|(limited, ..)| ROUTES.iter().find(|(_, _, key)| key == limited))
        .map(|(route, ..)| *route)
        .collect();
    needed.sort_unstable();
    let found = template.resource(logical_id)["DependsOn"].as_array();
    let mut found: Vec<_> = found.into_iter().flatten().filter_map(Value::as_str).collect();
    found.sort_unstable();
    is(logical_id, &json!(found), &json!(needed))
}

/// One line for a request. The route instead of the path, no query, no address: nothing in it is about a person.
fn access_log() -> Value {
    let members = [
        ("requestId", "requestId"),
        ("time", "requestTime"),
        ("route", "routeKey"),
        ("status", "status"),
        ("latencyMs", "responseLatency"),
        ("bytes", "responseLength"),
        ("error", "error.message"),
        ("integrationError", "integrationErrorMessage"),
    ];
    let line = |member: &[(&str, &str)]| {
        let members = member
            .iter()
            .map(|(name, value)| format!("\"{name}\":\"$context.{value}\""));
        members.collect::<Vec<_>>().join(",")
    };
    // The template folds it after the third and the sixth member.
    let [first, second, third] = [&members[..3], &members[3..6], &members[6..]].map(line);
    json!({ "DestinationArn": arn("ApiLogs"), "Format": format!("{{{first}, {second}, {third}}}") })
}

pub(super) fn tokens_are_looked_at_where_an_issuer_is_named(template: &Template) -> Kept {
    are_all(template, "AWS::ApiGatewayV2::Authorizer", ["JwtAuthorizer"])?;
    depends(template, "JwtAuthorizer", "HasJwt")?;
    let authorizer = json!({
        "ApiId": reference("Api"),
        "Name": "jwt",
        "AuthorizerType": "JWT",
        "IdentitySource": ["$request.header.Authorization"],
        "JwtConfiguration": {
            "Issuer": reference("JwtIssuer"),
            "Audience": { "Fn::Split": [",", reference("JwtAudience")] },
        },
    });
    has(template, "JwtAuthorizer", "AWS::ApiGatewayV2::Authorizer", authorizer)
}

pub(super) fn names_of_ones_own_lead_to_the_apis_and_metas_wants_a_certificate(template: &Template) -> Kept {
    are_all(template, "AWS::ApiGatewayV2::DomainName", ["Domain", "WebhookDomain"])?;
    are_all(
        template,
        "AWS::ApiGatewayV2::ApiMapping",
        ["DomainMapping", "WebhookDomainMapping"],
    )?;
    for (prefix, condition) in [("", "HasDomain"), ("Webhook", "HasWebhookDomain")] {
        let domain = format!("{prefix}Domain");
        depends(template, &domain, condition)?;
        let configuration = json!({
            "CertificateArn": reference(&format!("{prefix}CertificateArn")),
            "EndpointType": "REGIONAL",
            "SecurityPolicy": "TLS_1_2",
        });
        let mut named = json!({
            "DomainName": reference(&format!("{prefix}DomainName")),
            "DomainNameConfigurations": [configuration],
        });
        if prefix == "Webhook" {
            let version = either(
                "HasWebhookTruststoreVersion",
                reference("WebhookTruststoreVersion"),
                nothing(),
            );
            named["MutualTlsAuthentication"] =
                json!({ "TruststoreUri": reference("WebhookTruststoreUri"), "TruststoreVersion": version });
        }
        has(template, &domain, "AWS::ApiGatewayV2::DomainName", named)?;
        let mapping = format!("{prefix}DomainMapping");
        depends(template, &mapping, condition)?;
        let mapped = json!({
            "ApiId": reference(&format!("{prefix}Api")),
            "DomainName": reference(&domain),
            "Stage": reference(&format!("{prefix}Stage")),
        });
        has(template, &mapping, "AWS::ApiGatewayV2::ApiMapping", mapped)?;
    }
    Ok(())
}
