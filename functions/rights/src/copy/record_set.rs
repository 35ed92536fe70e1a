//! A copy's consents as records of ISO/IEC TS 27560:2023, in the profile of the W3C's Data Privacy Vocabulary (DPV 2), as JSON-LD.
//!
//! There is a record for each purpose that the person was ever asked about. Its context is part of the document, so reading it
//! needs no network.

use consent::contact::Status;
use consent::copy::{ConsentPart, Copy, NoticePart};
use consent::evidence::{Actor, Evidence, EvidenceKind, Expression, Validity};
use consent::policy::Class;
use consent::time::Time;
use serde_json::{Value, json};

/// What the records conform to, by the profile's own name.
const PROFILE: &str = "https://w3id.org/dpv/schema/dpv-27560#record-eu-gdpr";

/// The records.
pub(super) fn record_set(copy: &Copy) -> Value {
    let events: Vec<Evidence> = copy.events.iter().filter_map(|event| event.evidence()).collect();
    let asked = |consent: &&ConsentPart| consent.status != Status::None || !of(consent, &events).is_empty();
    let records: Vec<_> = copy
        .consents
        .iter()
        .filter(asked)
        .map(|consent| record(copy, consent, &of(consent, &events)))
        .collect();
    json!({
        "@context": {
            "dpv": "https://w3id.org/dpv#",
            "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
            "pd": "https://w3id.org/dpv/pd#",
            "loc": "https://w3id.org/dpv/loc#",
            "dct": "http://purl.org/dc/terms/",
            "schema": "https://schema.org/",
            "skos": "http://www.w3.org/2004/02/skos/core#",
            "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
            "xsd": "http://www.w3.org/2001/XMLSchema#",
            "dct:conformsTo": {"@type": "@id"},
            "dct:created": {"@type": "xsd:dateTime"},
            "dct:date": {"@type": "xsd:dateTime"},
            "dpv:isIndicatedAtTime": {"@type": "xsd:dateTime"}
        },
        "@graph": records
    })
}

/// The events that are about a purpose and count.
fn of<'a>(consent: &ConsentPart, events: &'a [Evidence]) -> Vec<&'a Evidence> {
    let is_marketing = consent.class != Some(Class::Service);
    let is_about = |evidence: &&Evidence| match evidence.kind {
        EvidenceKind::Objected | EvidenceKind::PlatformStop if evidence.purposes.is_empty() => is_marketing,
        _ => evidence.purposes.is_empty() || evidence.purposes.contains(&consent.purpose),
    };
    let changes = |evidence: &&Evidence| evidence.validity == Validity::Counted && state(evidence.kind).is_some();
    events.iter().filter(is_about).filter(changes).collect()
}

fn record(copy: &Copy, consent: &ConsentPart, events: &[&Evidence]) -> Value {
    let person = person(copy);
    let identifier = format!("{person}:{}", consent.purpose);
    let notices: Vec<_> = copy
        .notices
        .iter()
        .filter(|notice| notice.purpose == consent.purpose)
        .collect();
    let mut states: Vec<Value> = events.iter().map(|event| happened(copy, event, &notices)).collect();
    if let Some(now) = standing(copy, consent, states.is_empty()) {
        states.push(now);
    }
    json!({
        "@id": identifier,
        "@type": "dpv:ConsentRecord",
        "dct:conformsTo": PROFILE,
        "dct:identifier": identifier,
        "dpv:hasIdentifier": identifier,
        "dct:created": copy.made_at,
        "dpv:hasDataSubject": {"@id": person, "@type": "dpv:DataSubject", "dct:identifier": person},
        "dpv:hasNotice": notices.iter().map(|notice| shown(notice)).collect::<Vec<_>>(),
        "dct:language": languages(copy, &notices),
        "dpv:hasProcess": process(copy, consent, &notices),
        "dpv:hasLegalBasis": {"@id": "eu-gdpr:A6-1-a"},
        "dpv:hasConsentStatus": states,
    })
}

fn person(copy: &Copy) -> String {
    match copy.person.contact_id {
        Some(contact) => format!("urn:assent:contact:{contact}"),
        None => format!("urn:assent:case:{}", copy.demanded.case),
    }
}

fn languages(copy: &Copy, notices: &[&NoticePart]) -> Vec<String> {
    let mut languages: Vec<_> = notices.iter().map(|notice| notice.locale.to_string()).collect();
    if languages.is_empty() {
        languages.push(copy.locale.to_string());
    }
    languages.sort_unstable();
    languages.dedup();
    languages
}

fn notice_id(notice: &NoticePart) -> String {
    format!("urn:sha256:{}", notice.version)
}

fn shown(notice: &NoticePart) -> Value {
    json!({
        "@id": notice_id(notice),
        "@type": "dpv:ConsentNotice",
        "dct:identifier": notice.version,
        "dct:title": notice.label,
        "dct:description": notice.text,
        "dct:language": notice.locale,
        "dct:date": notice.valid_from,
        "schema:url": notice.url,
    })
}

fn process(copy: &Copy, consent: &ConsentPart, notices: &[&NoticePart]) -> Value {
    let controller = &copy.controller;
    let broader = match consent.class {
        Some(Class::Marketing) | None => "dpv:DirectMarketing",
        Some(Class::Service) => "dpv:ServiceProvision",
        Some(Class::Survey) => "dpv:CustomerRelationshipManagement",
    };
    let kept: Vec<_> = notices.iter().map(|notice| notice.retention.clone()).collect();
    let withdrawal: Vec<_> = notices.iter().map(|notice| notice.withdrawal.clone()).collect();
    let recipients = copy
        .recipients
        .iter()
        .map(|name| json!({"@type": "dpv:Recipient", "dpv:hasName": name}));
    let rights = ["A7-3", "A15", "A16", "A17", "A18", "A20", "A21", "A77"];
    let rights = rights
        .iter()
        .map(|article| json!({"@id": format!("eu-gdpr:{article}")}));
    json!({
        "@type": "dpv:Process",
        "dpv:hasPurpose": {
            "@id": format!("urn:assent:purpose:{}", consent.purpose),
            "@type": "dpv:Purpose",
            "dct:title": consent.label,
            "skos:broader": {"@id": broader},
        },
        "dpv:hasPersonalData": [
            {"@id": "pd:TelephoneNumber"}, {"@id": "pd:UID"}, {"@id": "pd:Communication"}, {"@id": "pd:Language"},
        ],
        "dpv:hasProcessing": [{"@id": "dpv:Collect"}, {"@id": "dpv:Store"}, {"@id": "dpv:Use"}],
        "dpv:hasDataSource": {"@id": "dpv:DataSubjectDataSource"},
        "dpv:hasStorageCondition": {
            "@type": "dpv:StorageDuration",
            "dct:description": if kept.is_empty() { vec![copy.transfers.clone()] } else { kept },
        },
        "dpv:hasDataController": {
            "@id": "urn:assent:controller",
            "@type": "dpv:DataController",
            "dpv:hasName": controller.name,
            "dpv:hasIdentifier": controller.name,
            "schema:contactPoint": [
                {"@type": "schema:PostalAddress", "schema:streetAddress": controller.address, "schema:addressCountry": controller.country},
                {"@type": "schema:ContactPoint", "schema:contactType": "data protection officer", "schema:description": controller.data_protection_officer.contact},
            ],
        },
        "dpv:hasLegalBasis": {"@id": "eu-gdpr:A6-1-a"},
        "dpv:hasRecipient": recipients.collect::<Vec<_>>(),
        "dpv:hasConsentControl": {
            "@type": "dpv:WithdrawConsent",
            "dct:description": if withdrawal.is_empty() { vec!["STOP".to_owned()] } else { withdrawal },
        },
        "dpv:hasJurisdiction": [{"@id": "loc:EU"}, {"@id": format!("loc:{}", controller.country)}],
        "dpv:hasRight": rights.collect::<Vec<_>>(),
    })
}

/// The state that an event brings a consent into; none if it brings it into no other.
fn state(kind: EvidenceKind) -> Option<&'static str> {
    match kind {
        EvidenceKind::Requested => Some("dpv:ConsentRequested"),
        EvidenceKind::Confirmed => Some("dpv:ConsentGiven"),
        EvidenceKind::Declined | EvidenceKind::NotMe => Some("dpv:ConsentRefused"),
        EvidenceKind::Withdrawn | EvidenceKind::Objected | EvidenceKind::PlatformStop => Some("dpv:ConsentWithdrawn"),
        EvidenceKind::Invalidated => Some("dpv:ConsentInvalidated"),
        EvidenceKind::PromptSent
        | EvidenceKind::PromptDelivered
        | EvidenceKind::PromptFailed
        | EvidenceKind::PlatformResume
        | EvidenceKind::Held
        | EvidenceKind::Kept
        | EvidenceKind::Restricted
        | EvidenceKind::Unrestricted
        | EvidenceKind::Rectified
        | EvidenceKind::ErasureRefused => None,
    }
}

fn happened(copy: &Copy, event: &Evidence, notices: &[&NoticePart]) -> Value {
    let by = match event.actor {
        Actor::Contact => person(copy),
        Actor::System | Actor::Meta | Actor::Operator(_) => "urn:assent:controller".to_owned(),
    };
    let method = event.expression.map(|expression| match expression {
        Expression::ButtonToken | Expression::ButtonLabel => "button in WhatsApp",
        Expression::TypedWord => "words typed in WhatsApp",
        Expression::Form => "form",
    });
    let named = notices.iter().filter(|notice| event.notices.contains(&notice.version));
    let mut happened = json!({
        "@id": format!("urn:assent:event:{}", event.event),
        "@type": state(event.kind),
        "dpv:isIndicatedAtTime": event.occurred_at,
        "dpv:isIndicatedBy": {"@id": by},
        "dpv:hasDuration": lasting(event.kind),
        "dpv:hasNotice": named.map(|notice| json!({"@id": notice_id(notice)})).collect::<Vec<_>>(),
    });
    if let (Some(method), Some(members)) = (method, happened.as_object_mut()) {
        members.insert("dpv:hasIndicationMethod".to_owned(), json!(method));
    }
    happened
}

fn lasting(kind: EvidenceKind) -> Value {
    let until = match kind {
        EvidenceKind::Requested => "until it is answered, or 72 hours have passed",
        EvidenceKind::Confirmed => "until it is withdrawn, or lapses because it is not used",
        _ => "until the person agrees anew",
    };
    json!({"@type": "dpv:UntilEventDuration", "rdf:value": until})
}

/// How a consent stands where no event says it: by time alone, or because nothing is known.
fn standing(copy: &Copy, consent: &ConsentPart, is_silent: bool) -> Option<Value> {
    let (state, at): (_, Time) = match consent.status {
        Status::Lapsed => ("dpv:ConsentExpired", consent.since?),
        _ if is_silent => ("dpv:ConsentUnknown", copy.made_at),
        _ => return None,
    };
    Some(json!({
        "@type": state,
        "dpv:isIndicatedAtTime": at,
        "dpv:isIndicatedBy": {"@id": "urn:assent:controller"},
        "dpv:hasDuration": {"@type": "dpv:UntilEventDuration", "rdf:value": "until the person agrees anew"},
    }))
}
