//! The promises, each a function over the whole template with its name in words.

mod alarms;
mod api;
mod choices;
mod functions;
mod roles;
mod rollout;
mod schedules;
mod storage;

use serde_json::{Value, json};

use crate::template::Template;

/// Whether a promise is kept; if not, what breaks it.
pub(crate) type Kept = Result<(), String>;

/// A promise with its name.
pub(crate) type Promise = (&'static str, fn(&Template) -> Kept);

macro_rules! promises {
    ($($module:ident: $($promise:ident)*;)*) => {
        &[$($((stringify!($promise), $module::$promise as fn(&Template) -> Kept),)*)*]
    };
}

/// The functions by what the template and the folders call them.
pub(crate) const FUNCTIONS: [(&str, &str); 7] = [
    ("Webhook", "webhook"),
    ("OptIn", "opt-in"),
    ("Outbox", "outbox"),
    ("Rights", "rights"),
    ("Retention", "retention"),
    ("Campaigns", "campaigns"),
    ("CampaignCheck", "campaign-check"),
];

/// What the template promises as it is written.
pub(crate) const PROMISES: &[Promise] = promises! {
    alarms: each_thing_that_can_go_wrong_has_an_alarm
        alarms_are_told_through_an_encrypted_topic
        the_dashboard_can_be_read_and_shows_both_apis;
    api: the_webhook_and_everybody_else_have_apis_of_their_own
        every_route_leads_to_its_function_and_all_but_metas_and_peoples_need_authority
        each_function_lets_itself_be_called_by_its_api_on_its_paths_alone
        every_route_has_a_limit_and_what_costs_much_a_low_one
        tokens_are_looked_at_where_an_issuer_is_named
        names_of_ones_own_lead_to_the_apis_and_metas_wants_a_certificate;
    choices: every_parameter_has_its_bounds_and_a_default_that_deploys
        what_belongs_together_is_given_together_and_data_stays_in_the_union
        conditions_mean_what_they_are_called
        the_outputs_say_how_to_go_on;
    functions: every_function_has_the_settings_the_processor_and_the_time_that_it_needs
        every_log_is_encrypted_ends_and_masks_what_is_personal;
    roles: each_role_may_do_what_stands_in_the_table_and_nothing_else
        each_role_can_be_taken_by_its_service_alone
        no_role_has_managed_policies_or_wildcards
        each_statement_is_about_kinds_of_keys_or_leaves_out_what_is_sealed
        records_of_people_are_deleted_by_two_the_webhook_sees_no_case_and_campaigns_no_key;
    schedules: what_is_due_is_begun_in_time_and_what_could_not_be_begun_is_kept
        the_outbox_is_fed_by_new_messages_and_gives_up_in_the_open
        a_run_that_failed_is_left_to_the_next_one
        dead_letters_are_encrypted_and_kept_for_a_fortnight;
    storage: nothing_that_holds_data_is_deleted_with_the_stack
        the_ledger_has_its_keys_its_deadlines_its_stream_and_its_backups
        a_deleted_subject_key_is_gone_from_every_stream_and_backup
        the_key_is_rotated_and_may_be_used_by_whom_it_is_for
        the_secret_is_encrypted_with_the_key;
};

/// What it promises beyond that when SAM has transformed it.
pub(crate) const MADE: &[Promise] = promises! {
    rollout: meta_calls_an_alias_that_goes_over_to_new_versions
        a_bad_version_of_the_webhook_sets_off_an_alarm_and_goes_back
        every_function_is_built_from_its_own_folder;
};

/// That something is exactly so.
fn is(what: &str, value: &Value, expected: &Value) -> Kept {
    match value == expected {
        true => Ok(()),
        false => Err(format!("{what} is {value}, not {expected}")),
    }
}

/// That there is a resource of that type with exactly these properties, but for what describes it.
fn has(template: &Template, logical_id: &str, kind: &str, mut properties: Value) -> Kept {
    let resource = template.resource(logical_id);
    is(logical_id, &resource["Type"], &json!(kind))?;
    if let Some(described) = resource["Properties"].get("Description") {
        properties["Description"] = described.clone();
    }
    is(logical_id, &resource["Properties"], &properties)
}

/// That those are all the resources of a type.
fn are_all<'a>(template: &Template, kind: &str, expected: impl IntoIterator<Item = &'a str>) -> Kept {
    let mut expected: Vec<&str> = expected.into_iter().collect();
    expected.sort_unstable();
    let found: Vec<_> = template.all(kind).map(|(logical_id, _)| logical_id.as_str()).collect();
    is(kind, &json!(found), &json!(expected))
}

/// That a condition, and no other, decides whether there is the resource.
fn depends(template: &Template, logical_id: &str, condition: &str) -> Kept {
    let found = &template.resource(logical_id)["Condition"];
    is(logical_id, found, &json!(condition))
}

fn reference(logical_id: &str) -> Value {
    json!({ "Ref": logical_id })
}

fn attribute(logical_id: &str, attribute: &str) -> Value {
    json!({ "Fn::GetAtt": [logical_id, attribute] })
}

fn arn(logical_id: &str) -> Value {
    attribute(logical_id, "Arn")
}

fn sub(text: impl AsRef<str>) -> Value {
    json!({ "Fn::Sub": text.as_ref() })
}

fn either(condition: &str, then: impl Into<Value>, otherwise: impl Into<Value>) -> Value {
    json!({ "Fn::If": [condition, then.into(), otherwise.into()] })
}

fn nothing() -> Value {
    reference("AWS::NoValue")
}

/// One or many, as CloudFormation lets both be written.
fn many(value: &Value) -> Vec<&Value> {
    value
        .as_array()
        .map_or_else(|| vec![value], |many| many.iter().collect())
}
