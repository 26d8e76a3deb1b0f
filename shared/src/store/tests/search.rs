//! Tests for the search of all sessions and for its index.

use super::*;
use crate::chat::{SessionStatus, WordQuery};

fn options(limit: usize) -> SearchOptions {
    SearchOptions { filter: SearchFilter::default(), order: SearchOrder::Recent, after: None, limit }
}

impl Fixture {
    async fn search(&self, query: &str, options: &SearchOptions) -> SearchPage {
        self.search_as(&self.user, query, options).await
    }

    async fn search_as(&self, user: &UserRef, query: &str, options: &SearchOptions) -> SearchPage {
        self.store.search(user, &WordQuery::parse(query).unwrap(), options).await.unwrap()
    }

    /// Returns the snippets of all results.
    async fn found(&self, query: &str) -> Vec<String> {
        let page = self.search(query, &options(50)).await;
        page.items.into_iter().map(|hit| hit.snippet.snippet).collect()
    }

    async fn titled(&self, title: &str) -> SessionId {
        let new = NewSession { agent_key: "demo".into(), title: Some(Title::parse(title).unwrap()), folder: None };
        self.store.create_session(&self.user, new, None).await.unwrap().value.id
    }

    /// Adds all texts to the index. Returns their number.
    async fn index(&self) -> usize {
        let mut total = 0;
        loop {
            let indexed = self.store.index_texts(None, IndexBatch::SMALL).await.unwrap();
            total += indexed.entries;
            if indexed.entries == 0 {
                return total;
            }
        }
    }

    /// Returns the number of rows that a query counts.
    async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&mut self.store.connect().await.unwrap()).await.unwrap()
    }
}

#[tokio::test]
async fn finds_messages_and_titles_before_and_after_they_are_indexed() {
    let f = Fixture::new().await;
    let session = f.titled("Breakfast plans").await;
    f.post(session, "Où est le Café? 重点内容").await;
    let claim = f.claim().await;
    f.answer(&claim, "The café is at the corner, have breakfast there").await.unwrap();

    for round in 0..2 {
        assert_eq!(f.found("cafe est").await, ["Où est le Café? 重点内容"], "{round}");
        assert_eq!(f.found("点内").await, ["Où est le Café? 重点内容"]);
        assert_eq!(f.found("CAF").await.len(), 2);
        assert_eq!(f.found("\"at the corner\"").await.len(), 1);
        assert_eq!(f.found("\"corner the\"").await.len(), 0);
        assert_eq!(f.found("breakf").await, ["The café is at the corner, have breakfast there", "Breakfast plans"]);
        assert_eq!(f.found("orner").await.len(), 0);
        let title = f.search("plans", &options(50)).await.items.remove(0);
        assert_eq!((title.message, title.session_id, title.title.as_str()), (None, session, "Breakfast plans"));
        assert_eq!(f.index().await, if round == 0 { 3 } else { 0 });
    }
}

#[tokio::test]
async fn never_finds_what_was_changed_or_deleted() {
    let f = Fixture::new().await;
    let (session, other) = (f.titled("alpha").await, f.session().await);
    let first = f.post(session, "first needle").await;
    let second = f.post(session, "second needle").await;
    f.post(other, "third needle").await;
    f.index().await;

    let content = Content::parse("second thread".into()).unwrap();
    f.store.edit_message(&f.user, session, second.message.id, &content).await.unwrap();
    f.store.unsend_message(&f.user, session, first.message.id).await.unwrap();
    let patch = SessionPatch { title: Some(Title::parse("beta").unwrap()), ..SessionPatch::default() };
    f.store.update_session(&f.user, session, &patch).await.unwrap();

    for _ in 0..2 {
        assert_eq!(f.found("needle").await, ["third needle", "third needle"], "the message and the title");
        assert_eq!(f.found("alpha").await.len(), 0);
        assert_eq!(f.found("thread").await, ["second thread"]);
        assert_eq!(f.found("beta").await, ["beta"]);
        f.index().await;
    }
    f.store.delete_session(&f.user, session).await.unwrap();
    f.store.delete_session(&f.user, other).await.unwrap();
    assert_eq!(f.found("beta").await.len() + f.found("thread").await.len() + f.found("needle").await.len(), 0);
    assert_eq!(f.count("SELECT COUNT(*) FROM search_entry").await, 0);
    assert_eq!(f.findings().await, Vec::<&str>::new());
}

#[tokio::test]
async fn the_tokens_of_deleted_texts_do_not_remain_in_the_file() {
    let f = Fixture::on_sqlite().await;
    let session = f.session().await;
    for number in 0..200 {
        f.post(session, &format!("message number{number}")).await;
    }
    let secret = f.post(session, "xylophone quixotic").await;
    f.index().await;
    let file = f.folder.path().join("data/chat.db");
    let has_secret = || {
        let bytes = std::fs::read(&file).unwrap();
        // A token may be stored without the beginning that it has in common with the one before.
        ["ylophone", "uixotic"].iter().any(|text| bytes.windows(text.len()).any(|part| part == text.as_bytes()))
    };
    f.store.empty_log().await.unwrap();
    assert!(has_secret());

    f.store.unsend_message(&f.user, session, secret.message.id).await.unwrap();
    assert_eq!(f.found("xylophone").await.len(), 0);
    assert_eq!(f.store.remove_deleted_texts().await.unwrap(), 1);
    assert_eq!(f.store.remove_deleted_texts().await.unwrap(), 0);
    f.store.empty_log().await.unwrap();

    assert!(!has_secret());
    assert_eq!(f.found("number7").await.len(), 1 + 1 + 10 - 1);
    assert_eq!(f.findings().await, Vec::<&str>::new());
}

#[tokio::test]
async fn finds_only_the_users_own_sessions() {
    let f = Fixture::new().await;
    let session = f.session().await;
    f.post(session, "private needle").await;
    let strangers = [("other", "local"), ("default", "other")];
    for indexed in [false, true] {
        assert_eq!(f.found("needle").await.len(), 2, "{indexed}");
        for (workspace_id, user_id) in strangers {
            let user = UserRef { workspace_id: workspace_id.into(), user_id: user_id.into() };
            assert_eq!(f.search_as(&user, "needle", &options(50)).await.items, []);
        }
        f.index().await;
    }
}

#[tokio::test]
async fn filters_by_agent_and_status() {
    let f = Fixture::new().await;
    let (demo, archived) = (f.session().await, f.session().await);
    let new = NewSession { agent_key: "other".into(), title: None, folder: None };
    let other = f.store.create_session(&f.user, new, None).await.unwrap().value.id;
    for session in [demo, archived, other] {
        f.post(session, "x needle").await;
    }
    let patch = SessionPatch { status: Some(SessionStatus::Archived), ..SessionPatch::default() };
    f.store.update_session(&f.user, archived, &patch).await.unwrap();
    f.index().await;

    for (agent_key, status, expected) in [
        (None, None, vec![other, archived, demo]),
        (Some("other"), None, vec![other]),
        (None, Some(SessionStatus::Active), vec![other, demo]),
        (Some("demo"), Some(SessionStatus::Archived), vec![archived]),
        (Some("none"), None, vec![]),
    ] {
        let filter = SearchFilter { agent_key: agent_key.map(str::to_owned), status };
        let page = f.search("\"x needle\"", &SearchOptions { filter, ..options(50) }).await;
        let messages = page.items.into_iter().filter(|hit| hit.message.is_some());
        assert_eq!(messages.map(|hit| hit.session_id).collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn pages_contain_each_result_once_in_both_orders() {
    let f = Fixture::new().await;
    let session = f.titled("titled").await;
    for number in 0..60 {
        f.post(session, &format!("needle {}", "needle ".repeat(number % 7))).await;
        if number == 40 {
            f.index().await;
        }
    }
    for order in [SearchOrder::Recent, SearchOrder::Relevance] {
        let all = f.search("needle", &SearchOptions { order, ..options(100) }).await;
        assert_eq!((all.items.len(), all.next), (60, None));
        let (mut paged, mut after) = (Vec::new(), None);
        loop {
            let page = f.search("needle", &SearchOptions { order, after, ..options(7) }).await;
            paged.extend(page.items);
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        assert_eq!(paged, all.items);
    }
    let best = f.search("needle", &SearchOptions { order: SearchOrder::Relevance, ..options(1) }).await;
    assert_eq!(best.items[0].snippet.highlights.len(), 7);
}

#[tokio::test]
async fn finds_texts_with_very_many_words() {
    let f = Fixture::new().await;
    let session = f.titled("titled").await;
    let words: Vec<String> = (0..30_000).map(|number| format!("w{number}")).collect();
    f.post(session, &words.join(" ")).await;
    f.post(session, "w29999 again").await;
    f.index().await;

    assert_eq!(f.found("w29999").await.len(), 2);
    assert_eq!(f.found("\"w29998 w29999\"").await.len(), 1);
    assert_eq!(f.found("w30000").await.len(), 0);
}

#[tokio::test]
async fn a_copy_finds_the_same_in_the_same_order() {
    let f = Fixture::on_sqlite().await;
    let session = f.titled("a needle").await;
    for number in 0..10 {
        f.post(session, &format!("needle {number}")).await;
    }
    f.index().await;
    let expected = f.search("needle", &options(50)).await.items;

    let f = super::copy::copied(f).await;

    assert_eq!(f.search("needle", &options(50)).await.items, expected);
    assert_eq!(f.index().await, 11);
    assert_eq!(f.search("needle", &options(50)).await.items, expected);
}

/// The tables, the triggers, and the migration of the search index, which a database of the previous schema lacks.
const REMOVE_INDEX: &str = "DROP TABLE search_index; DROP TABLE search_entry; DROP TABLE search_bucket; \
     DROP TABLE search_index_removal; \
     DROP TRIGGER chat_message_add_entry; DROP TRIGGER chat_message_change_entry; \
     DROP TRIGGER chat_message_remove_entry; DROP TRIGGER chat_session_add_entry; \
     DROP TRIGGER chat_session_change_entry; DROP TRIGGER chat_session_remove_entry; \
     DELETE FROM _sqlx_migrations WHERE version = 20261201100000";
const REMOVE_INDEX_ON_SERVER: &str = "DROP TABLE search_entry, search_bucket; \
     DROP FUNCTION add_message_entry, change_message_entry, remove_message_entry, change_title_entry, \
     remove_title_entry CASCADE; DELETE FROM _sqlx_migrations WHERE version = 20261201100000";

#[tokio::test]
async fn an_upgraded_database_finds_everything_before_and_after_it_is_indexed() {
    let f = Fixture::new().await;
    let session = f.titled("old title").await;
    for number in 0..100 {
        f.clock.advance(Duration::from_millis(1));
        f.post(session, &format!("old message {number}")).await;
    }
    let mut connection = f.store.connect().await.unwrap();
    if connection.is_server() {
        connection.exec(REMOVE_INDEX_ON_SERVER).await.unwrap();
    } else {
        for statement in REMOVE_INDEX.split("; ") {
            connection.exec(statement).await.unwrap();
        }
    }
    drop(connection);
    f.store.close().await;

    let store = Store::open(f.store.inner.options.clone(), f.clock.clone()).await.unwrap();
    let f = Fixture { store, ..f };
    let new = f.post(session, "new message").await;

    let all = options(200);
    for _ in 0..2 {
        let found = f.search("message", &all).await.items;
        assert_eq!(found.len(), 101);
        assert_eq!(found[0].message.map(|message| message.id), Some(new.message.id));
        assert!(found.windows(2).all(|pair| pair[0].message.unwrap().turn > pair[1].message.unwrap().turn));
        assert_eq!(f.found("title").await, ["old title"]);
        assert_eq!(f.found("\"message 57\"").await, ["old message 57"]);
        f.index().await;
    }
    f.store.unsend_message(&f.user, session, new.message.id).await.unwrap();
    assert_eq!(f.search("message", &all).await.items.len(), 100);
}

#[tokio::test]
async fn walks_through_all_buckets() {
    let f = Fixture::new().await;
    let session = f.titled("titled").await;
    let insert = if f.store.location().file().is_some() {
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 9000) \
         INSERT INTO chat_message (id, chat_session_id, role, content, task_id, turn, seq) \
         SELECT '00000000-0000-7000-8000-' || substr('000000000000' || n, -12), $1, 'user', \
         'common ' || CASE WHEN n % 3000 = 7 THEN 'seldom' ELSE n END, n, n, n FROM n"
    } else {
        "INSERT INTO chat_message (id, chat_session_id, role, content, task_id, turn, seq) \
         SELECT '00000000-0000-7000-8000-' || lpad(n::text, 12, '0'), $1, 'user', \
         'common ' || CASE WHEN n % 3000 = 7 THEN 'seldom' ELSE n::text END, n, n, n FROM generate_series(1, 9000) n"
    };
    sqlx::query(insert).bind(session).execute(&mut f.store.connect().await.unwrap()).await.unwrap();
    f.index().await;
    assert_eq!(f.count("SELECT COUNT(*) FROM search_bucket").await, 3);

    let turns = |page: &SearchPage| page.items.iter().map(|hit| hit.message.unwrap().turn).collect::<Vec<_>>();
    assert_eq!(turns(&f.search("seldom", &options(50)).await), [6007, 3007, 7]);
    assert_eq!(turns(&f.search("common sel", &options(50)).await), [6007, 3007, 7]);
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = f.search("\"common\"", &SearchOptions { after, ..options(50) }).await;
        found.extend(turns(&page));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(found, (1..=9000).rev().collect::<Vec<i64>>());
}

#[tokio::test]
async fn a_batch_ends_at_its_number_of_entries_and_at_its_size() {
    let f = Fixture::new().await;
    let session = f.session().await;
    for number in 0..6 {
        f.post(session, &format!("{number} {}", "word ".repeat(100))).await;
    }
    let index = async |batch| f.store.index_texts(None, batch).await.unwrap().entries;

    // The title is an entry too.
    assert_eq!(index(IndexBatch { entries: 3, bytes: 10_000 }).await, 3);
    assert_eq!(index(IndexBatch { entries: 100, bytes: 600 }).await, 2);
    assert_eq!(index(IndexBatch { entries: 100, bytes: 10_000 }).await, 2);
    assert_eq!(IndexBatch::SMALL.doubled(), IndexBatch { entries: 128, bytes: 256 * 1024 });
    assert_eq!(IndexBatch::LARGE.doubled(), IndexBatch::LARGE);
}
