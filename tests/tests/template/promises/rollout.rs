//! What SAM makes of how the functions are deployed.

use serde_json::{Value, json};

use super::{FUNCTIONS, Kept, are_all, arn, either, has, is, reference};
use crate::template::Template;

pub(super) fn meta_calls_an_alias_that_goes_over_to_new_versions(template: &Template) -> Kept {
    let versions: Vec<_> = template.all("AWS::Lambda::Version").collect();
    let [(version, properties)] = versions.as_slice() else {
        return Err(format!(
            "{} functions have versions, not the webhook alone",
            versions.len()
        ));
    };
    let of_webhook = json!({ "FunctionName": reference("WebhookFunction") });
    is(version, properties, &of_webhook)?;
    // The version before has to be there to go back to.
    is(version, &template.resource(version)["DeletionPolicy"], &json!("Retain"))?;
    are_all(template, "AWS::Lambda::Alias", ["WebhookFunctionAliaslive"])?;
    let alias = json!({
        "Name": "live",
        "FunctionName": reference("WebhookFunction"),
        "FunctionVersion": { "Fn::GetAtt": [version, "Version"] },
    });
    has(template, "WebhookFunctionAliaslive", "AWS::Lambda::Alias", alias)?;
    let by_code_deploy = json!({ "CodeDeployLambdaAliasUpdate": {
        "ApplicationName": reference("ServerlessDeploymentApplication"),
        "DeploymentGroupName": reference("WebhookFunctionDeploymentGroup"),
    } });
    let policy = &template.resource("WebhookFunctionAliaslive")["UpdatePolicy"];
    is("how the alias goes over", policy, &by_code_deploy)
}

pub(super) fn a_bad_version_of_the_webhook_sets_off_an_alarm_and_goes_back(template: &Template) -> Kept {
    let application = json!({ "ComputePlatform": "Lambda" });
    has(
        template,
        "ServerlessDeploymentApplication",
        "AWS::CodeDeploy::Application",
        application,
    )?;
    let alarms = [
        "WebhookFailuresAlarm",
        "WebhookThrottlesAlarm",
        "WebhookServerErrorsAlarm",
        "DeliveriesRefusedAlarm",
        "DeliveriesRepeatedAlarm",
        "QuarantineAlarm",
        "WebhookLogFindingsAlarm",
    ];
    let alarms: Vec<Value> = alarms.iter().map(|alarm| json!({ "Name": reference(alarm) })).collect();
    let group = json!({
        "ApplicationName": reference("ServerlessDeploymentApplication"),
        "ServiceRoleArn": arn("DeploymentRole"),
        "DeploymentConfigName": { "Fn::Sub": "CodeDeployDefault.LambdaCanary10Percent5Minutes" },
        "DeploymentStyle": { "DeploymentType": "BLUE_GREEN", "DeploymentOption": "WITH_TRAFFIC_CONTROL" },
        "AlarmConfiguration": either("GoesOverBySteps", json!({ "Enabled": true, "Alarms": alarms }), json!({})),
        "AutoRollbackConfiguration": {
            "Enabled": true,
            "Events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"],
        },
    });
    has(
        template,
        "WebhookFunctionDeploymentGroup",
        "AWS::CodeDeploy::DeploymentGroup",
        group,
    )
}

pub(super) fn every_function_is_built_from_its_own_folder(template: &Template) -> Kept {
    for (name, package) in FUNCTIONS {
        let logical_id = format!("{name}Function");
        let code = &template.resource(&logical_id)["Properties"]["Code"];
        let expected = json!({ "S3Bucket": "built", "S3Key": format!("functions/{package}") });
        is(&logical_id, code, &expected)?;
    }
    Ok(())
}
