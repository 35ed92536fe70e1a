//! What the documentation says is what the code does.

#![allow(missing_docs, reason = "nobody reads the documentation of a test")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

/// What stands in the README between the mark with that beginning and the mark of its end.
fn between(begins: &str, ends: &str) -> &'static str {
    let readme = include_str!("../../README.md");
    let (_, rest) = readme.split_once(&format!("<!-- {begins} -->\n")).unwrap();
    rest.split_once(&format!("<!-- {ends} -->")).unwrap().0
}

#[test]
fn the_retention_schedule_of_the_documentation_is_the_one_that_the_purge_goes_by() {
    assert_eq!(
        between(
            "retention schedule: written by `assent retention schedule`",
            "end of the retention schedule"
        ),
        assent::retention::table(),
        "put what `cargo run -- retention schedule` prints between the marks"
    );
}

#[test]
fn the_reasons_of_the_documentation_are_those_of_the_engine() {
    assert_eq!(
        between("reasons: written by `assent campaigns reasons`", "end of the reasons"),
        assent::reasons::table(),
        "put what `cargo run -- campaigns reasons` prints between the marks"
    );
}
