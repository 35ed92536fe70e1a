//! The recipients, page by page, as they are now.

use std::collections::BTreeSet;

use consent::campaign::{Health, Reason, Usage};
use consent::time::Span;
use ledger::{Cursor, Judged, Page, PageError};

use crate::deeds::POLICY;
use crate::people::somebody;
use crate::world::{World, good_health, ids};

async fn page(world: &World, from: Option<&Cursor>) -> Result<Page, PageError> {
    page_under(world, from, &good_health(world.now()), None).await
}

async fn page_under(
    world: &World,
    from: Option<&Cursor>,
    health: &Health,
    usage: Option<Usage>,
) -> Result<Page, PageError> {
    let stored = world.stored().await;
    let ledger = world.ledger();
    ledger
        .recipients(&stored, from, health, usage, &POLICY, world.now())
        .await
}

pub(crate) async fn all_pages(world: &World) -> Vec<Judged> {
    all_pages_under(world, &good_health(world.now()), None).await
}

pub(crate) async fn all_pages_under(world: &World, health: &Health, usage: Option<Usage>) -> Vec<Judged> {
    let (mut all, mut cursor) = (vec![], None);
    loop {
        let page = page_under(world, cursor.as_ref(), health, usage).await.unwrap();
        assert!(page.judged.len() <= 150);
        all.extend(page.judged);
        // It is given back as text.
        cursor = page.next.map(|next| next.to_string().parse().unwrap());
        if cursor.is_none() {
            return all;
        }
    }
}

fn allowed(all: &[Judged]) -> BTreeSet<&str> {
    let allowed = all.iter().filter(|judged| judged.judgement.is_allowed());
    allowed
        .map(|judged| judged.reference.as_ref().unwrap().expose())
        .collect()
}

#[tokio::test]
async fn everyone_on_the_lists_is_on_some_page_with_what_the_caller_calls_them() {
    let world = World::new().await;
    let people = world.people(30).await;
    let strangers: Vec<_> = (0..180).map(|_| somebody()).collect();
    world.put(1, &ids(&people)).await;
    world.put(2, &strangers).await;
    world.put(3, &[people[7].who.clone()]).await;

    let all = all_pages(&world).await;
    let references: BTreeSet<_> = all.iter().map(|judged| judged.reference.clone().unwrap()).collect();
    assert_eq!((all.len(), references.len()), (211, 211));
    assert_eq!(allowed(&all).len(), 30);
    let because = |reason| {
        all.iter()
            .filter(|judged| judged.judgement.lead() == Some(reason))
            .count()
    };
    assert_eq!(because(Reason::UnknownContact), 180);
    assert_eq!(because(Reason::DuplicateRecipient), 1);
    let contacts: BTreeSet<_> = all.iter().filter_map(|judged| judged.contact).collect();
    assert_eq!(contacts, people.iter().map(|somebody| somebody.id).collect());
}

#[tokio::test]
async fn who_left_after_the_check_is_allowed_on_no_page() {
    let world = World::new().await;
    let people = world.people(5).await;
    world.put(1, &ids(&people)).await;
    assert_eq!(world.verdict().await.tally.allow, 5);
    let all = all_pages(&world).await;
    assert!(allowed(&all).contains("1/2"));
    world.base.wait(Span::minutes(1));
    world.base.says(&people[2].who, "STOP").await;
    assert_eq!(allowed(&all_pages(&world).await), ["1/0", "1/1", "1/3", "1/4"].into());
}

#[tokio::test]
async fn a_cursor_is_good_for_one_audience() {
    let world = World::new().await;
    let strangers: Vec<_> = (0..210).map(|_| somebody()).collect();
    world.put(1, &strangers).await;
    let cursor = page(&world, None).await.unwrap().next.unwrap();
    assert!(page(&world, Some(&cursor)).await.is_ok());
    world.put(1, &strangers[1..]).await;
    assert!(matches!(
        page(&world, Some(&cursor)).await,
        Err(PageError::AudienceChanged)
    ));
}
