//! People at work: each does one thing after the other, and writes down what it was told.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use banter_tests::{
    chat::{fresh_key, id_of},
    client::{Client, Reply},
    dice::Dice,
    fake_openai::{Answer, FakeOpenAi},
};
use reqwest::RequestBuilder;
use serde_json::json;

use crate::history::{Action, Fate, History, Send};

/// How long a person waits for an answer before it counts as none.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// How long a keyed send may go unanswered once everything is well again.
const KEYED_LIMIT: Duration = Duration::from_secs(45);

/// Sessions of one user: a list page holds 100, and the model compares one page.
const MAX_SESSIONS: usize = 30;

/// Messages of one session: the model compares the newest 200 turns.
const MAX_SENDS: usize = 120;

/// Somebody with a key.
#[derive(Debug)]
pub struct User {
    /// Its clients, straight to each api and through each proxy.
    pub clients: Vec<Client>,
    /// Sessions that were made, with their agents.
    pub sessions: Mutex<Vec<(String, &'static str)>>,
}

/// One person; two share a user.
pub struct Person {
    pub number: usize,
    pub user: Arc<User>,
    pub history: Arc<History>,
    pub model: Arc<FakeOpenAi>,
    pub dice: Dice,
    /// Set when all faults have ended.
    pub is_calm: Arc<AtomicBool>,
    pub made: usize,
}

impl Person {
    /// Does so many things, none of them begun after the deadline.
    pub async fn work(mut self, operations: usize, deadline: Instant) {
        for _ in 0..operations {
            if Instant::now() >= deadline {
                return;
            }
            self.operation().await;
            tokio::time::sleep(Duration::from_millis(self.dice.below(120))).await;
        }
    }

    async fn operation(&mut self) {
        let Some((session, agent)) = self.pick_session() else { return self.create().await };
        match self.dice.below(100) {
            0..4 => self.create().await,
            4..46 => self.send(&session, agent).await,
            46..56 => self.edit(&session, agent).await,
            56..65 => self.unsend(&session).await,
            65..71 => self.cancel(&session).await,
            71..77 => self.retry(&session).await,
            77..81 => self.replay(&session).await,
            81..85 => self.look(&session).await,
            85..88 => self.mark("read", &session, Some(self.made as u64)).await,
            88..91 => self.mark("unread", &session, None).await,
            91..94 => self.pin(&session).await,
            94..96 => self.archive(&session).await,
            _ => self.restore(&session).await,
        }
    }

    fn pick_session(&mut self) -> Option<(String, &'static str)> {
        let sessions = self.user.sessions.lock().unwrap();
        if sessions.len() < 2 {
            return None;
        }
        // Mostly the newest few, so that they are busy.
        let recent = sessions.len().min(4);
        let from_the_end = usize::try_from(self.dice.below(recent as u64)).unwrap();
        Some(sessions[sessions.len() - 1 - from_the_end].clone())
    }

    /// One of the last few acknowledged messages of a session.
    fn pick_message(&mut self, session: &str, among: usize) -> Option<Send> {
        let sent = self.history.acknowledged(session);
        let recent = sent.len().min(among);
        if recent == 0 {
            return None;
        }
        let from_the_end = usize::try_from(self.dice.below(recent as u64)).unwrap();
        Some(sent[sent.len() - 1 - from_the_end].clone())
    }

    fn client(&mut self) -> Client {
        let index = usize::try_from(self.dice.below(self.user.clients.len() as u64)).unwrap();
        self.user.clients[index].clone()
    }

    /// A text that nobody else sends, and an agent that knows what to answer.
    fn fresh_text(&mut self, agent: &str) -> String {
        self.made += 1;
        let tag = format!("p{}n{}", self.number, self.made);
        if agent == "demo" {
            let text = format!("/echo {tag}");
            self.history.expect_answer(&text, &tag);
            return text;
        }
        let count = self.dice.below(20);
        let words: Vec<String> = (0..count).map(|word| format!(" wörd{word}")).collect();
        let pause = Duration::from_millis(self.dice.below(80));
        let beginning = format!("re {tag}");
        let whole = Answer::words([&beginning].into_iter().chain(&words).map(String::as_str), pause);
        let answers = match self.dice.below(12) {
            0 => vec![Answer::error(500, "server_error", "try again"), whole],
            1 => vec![Answer::cut_after(&beginning), whole],
            2 => vec![Answer::error(400, "bad_request", "no")],
            _ => vec![whole],
        };
        self.model.script(&tag, answers);
        self.history.expect_answer(&tag, &format!("{beginning}{}", words.concat()));
        tag
    }

    async fn create(&mut self) {
        if self.user.sessions.lock().unwrap().len() >= MAX_SESSIONS {
            return;
        }
        let agent = if self.dice.below(5) == 0 { "demo" } else { "scripted" };
        let client = self.client();
        let request = client.request("POST", "/v1/chat").json(&json!({"agent_key": agent}));
        if let Some(reply) = self.attempt("create", request, &[201]).await {
            let id = id_of(&reply.json());
            self.user.sessions.lock().unwrap().push((id, agent));
        }
    }

    async fn send(&mut self, session: &str, agent: &str) {
        if self.history.acknowledged(session).len() >= MAX_SENDS {
            return self.create().await;
        }
        let text = self.fresh_text(agent);
        let on_busy = match self.dice.below(12) {
            0 | 1 => "interrupt",
            2 => "reject",
            _ => "queue",
        };
        let key = (self.dice.below(2) == 0).then(|| (fresh_key(), on_busy));
        let index = self.history.begin_send(session, &text, key.clone());
        let name = format!("send{} {on_busy}", if key.is_some() { " keyed" } else { "" });
        let mut has_unknown = false;
        let mut calm_since = None;
        loop {
            let client = self.client();
            let request = send_request(&client, session, &text, on_busy, key.as_ref().map(|(key, _)| key.as_str()));
            let told = self.answer(&name, request, &[202, 409]).await;
            self.history.note(&format!("p{} {name} of {text} in {session}: {}", self.number, told.in_short()));
            match told {
                Told::Yes(reply) => {
                    let body = reply.json();
                    let ids = (id_of(&body["message"]), id_of(&body["task"]));
                    self.history.note(&format!("p{} {text} is {} in {session}", self.number, ids.0));
                    return self.history.end_send(index, Fate::Acknowledged(Instant::now()), Some(ids));
                }
                // An earlier try without an answer may still come through.
                Told::No(_) if has_unknown => return,
                Told::No(code) => {
                    if !["session_archived", "agent_busy"].contains(&code.as_str()) {
                        self.history.complain(format!("{name} of {text} is refused with {code}"));
                    }
                    return self.history.end_send(index, Fate::Refused, None);
                }
                Told::NothingStored if key.is_none() => return self.history.end_send(index, Fate::Refused, None),
                Told::NothingStored => {}
                Told::Nothing => has_unknown = true,
            }
            if key.is_none() {
                return;
            }
            if self.is_calm.load(Ordering::SeqCst) {
                let since: Instant = *calm_since.get_or_insert_with(Instant::now);
                if since.elapsed() > KEYED_LIMIT {
                    return self.history.complain(format!("{name} of {text} is never answered"));
                }
            }
            tokio::time::sleep(Duration::from_millis(50 + self.dice.below(200))).await;
        }
    }

    /// A keyed send that was answered is sent once more: it must be the same message.
    async fn replay(&mut self, session: &str) {
        let mut keyed = self.history.acknowledged(session);
        keyed.retain(|send| send.key.is_some());
        let Some(send) = keyed.pop() else { return };
        let (Some((key, on_busy)), Some((message, _))) = (send.key, send.ids) else { return };
        let client = self.client();
        let request = send_request(&client, session, &send.text, on_busy, Some(&key));
        match self.answer("replay", request, &[202, 409]).await {
            Told::Yes(reply) => {
                let again = id_of(&reply.json()["message"]);
                if again != message {
                    self.history.complain(format!("the same key made {message} and {again}"));
                }
            }
            Told::No(code) if code != "message_gone" || !self.history.may_be_gone(&message) => {
                self.history.complain(format!("the key of {message} is answered {code}"));
            }
            _ => {}
        }
    }

    async fn edit(&mut self, session: &str, agent: &str) {
        let Some(send) = self.pick_message(session, 3) else { return };
        let text = self.fresh_text(agent);
        let client = self.client();
        let path = message_path(&send);
        let request = client.request("PATCH", &path).json(&json!({"content": text}));
        self.change("edit", &send, Action::Edit(text), request, 200).await;
    }

    async fn unsend(&mut self, session: &str) {
        let Some(send) = self.pick_message(session, 3) else { return };
        let client = self.client();
        let request = client.request("DELETE", &message_path(&send));
        self.change("unsend", &send, Action::Unsend, request, 204).await;
    }

    async fn retry(&mut self, session: &str) {
        let Some(send) = self.pick_message(session, 6) else { return };
        let client = self.client();
        let request = client.request("POST", &format!("{}/retry", task_path(&send)));
        self.change("retry", &send, Action::Retry, request, 202).await;
    }

    async fn change(&mut self, name: &str, send: &Send, action: Action, request: RequestBuilder, yes: u16) {
        let Some((message, _)) = &send.ids else { return };
        self.history.note(&format!("p{} {name} of {message}: {action:?}", self.number));
        let index = self.history.begin_change(message, action);
        let told = self.answer(name, request, &[yes, 409, 404]).await;
        self.history.note(&format!("p{} {name} of {message}: {}", self.number, told.in_short()));
        match told {
            Told::Yes(_) => self.history.end_change(index, Fate::Acknowledged(Instant::now())),
            Told::No(code) => {
                self.history.end_change(index, Fate::Refused);
                self.judge_missing(name, message, &code);
            }
            Told::NothingStored => self.history.end_change(index, Fate::Refused),
            Told::Nothing => {}
        }
    }

    async fn cancel(&mut self, session: &str) {
        let Some(send) = self.pick_message(session, 3) else { return };
        let client = self.client();
        let request = client.request("POST", &format!("{}/cancel", task_path(&send)));
        let told = self.answer("cancel", request, &[202, 409, 404]).await;
        self.history.note(&format!("p{} cancel of {:?}: {}", self.number, send.ids, told.in_short()));
        if let (Told::No(code), Some((message, _))) = (told, &send.ids) {
            self.judge_missing("cancel", message, &code);
        }
    }

    /// Nothing that was acknowledged is ever not found, unless somebody took it back.
    fn judge_missing(&self, name: &str, message: &str, code: &str) {
        if code.contains("not_found") && !self.history.may_be_gone(message) {
            self.history.complain(format!("{name} of {message} is answered {code}"));
        }
    }

    /// What was acknowledged before a GET is in it, whichever api answers.
    async fn look(&mut self, session: &str) {
        let before = self.history.acknowledged(session);
        let client = self.client();
        let request = client.request("GET", &format!("/v1/chat/{session}?limit=200"));
        let Some(reply) = self.attempt("look", request, &[200]).await else { return };
        let chat = reply.json();
        let ids: Vec<&str> =
            chat["messages"].as_array().unwrap().iter().filter_map(|message| message["id"].as_str()).collect();
        for (message, _) in before.into_iter().filter_map(|send| send.ids) {
            if !ids.contains(&message.as_str()) && !self.history.may_be_gone(&message) {
                self.history.complain(format!("acknowledged and not in a later GET of {session}: {message}"));
            }
        }
    }

    async fn mark(&mut self, name: &str, session: &str, seq: Option<u64>) {
        let client = self.client();
        let request = client.request("POST", &format!("/v1/chat/{session}/{name}"));
        let request = if let Some(seq) = seq { request.json(&json!({"seq": seq})) } else { request };
        self.attempt(name, request, &[200]).await;
    }

    async fn pin(&mut self, session: &str) {
        let client = self.client();
        let body = json!({"pinned": self.dice.below(2) == 0});
        self.attempt("pin", client.request("PATCH", &format!("/v1/chat/{session}")).json(&body), &[200]).await;
    }

    async fn archive(&mut self, session: &str) {
        let client = self.client();
        self.attempt("archive", client.request("DELETE", &format!("/v1/chat/{session}")), &[204]).await;
    }

    async fn restore(&mut self, session: &str) {
        let client = self.client();
        let body = json!({"status": "active"});
        self.attempt("restore", client.request("PATCH", &format!("/v1/chat/{session}")).json(&body), &[200]).await;
    }

    /// A request whose refusal nothing explains.
    async fn attempt(&self, name: &str, request: RequestBuilder, allowed: &[u16]) -> Option<Reply> {
        match self.answer(name, request, allowed).await {
            Told::Yes(reply) => Some(reply),
            Told::No(_) | Told::NothingStored | Told::Nothing => None,
        }
    }

    /// Sends a request once. `allowed[0]` says yes, the others say no; anything else, but 503, is a complaint.
    async fn answer(&self, name: &str, request: RequestBuilder, allowed: &[u16]) -> Told {
        let client = &self.user.clients[0];
        let reply = match tokio::time::timeout(ANSWER_LIMIT, client.try_call(request)).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(_)) => {
                self.history.count(&format!("{name}: no answer"));
                return Told::Nothing;
            }
            Err(_) => {
                self.history.count(&format!("{name}: not in time"));
                return Told::Nothing;
            }
        };
        if reply.status == allowed[0] {
            self.history.count(&format!("{name}: {}", reply.status));
            return Told::Yes(reply);
        }
        let problem = match reply.check_problem(reply.status) {
            Ok(problem) => problem,
            Err(complaint) => {
                self.history.complain(format!("{name}: {complaint}"));
                return Told::Nothing;
            }
        };
        let code = problem["code"].as_str().unwrap_or_default().to_owned();
        self.history.count(&format!("{name}: {} {code}", reply.status));
        if reply.status == 503 {
            return if code == "store_busy" { Told::NothingStored } else { Told::Nothing };
        }
        if !allowed[1..].contains(&reply.status) {
            self.history.complain(format!("{name} is answered {} {}", reply.status, reply.text()));
        }
        Told::No(code)
    }
}

/// What an answer says.
enum Told {
    Yes(Reply),
    /// No, with this code.
    No(String),
    /// 503 `store_busy`: it promises that nothing was stored.
    NothingStored,
    /// No answer, or one that leaves it open.
    Nothing,
}

impl Told {
    /// For the log of the run.
    fn in_short(&self) -> &str {
        match self {
            Self::Yes(_) => "yes",
            Self::No(code) => code,
            Self::NothingStored => "nothing stored",
            Self::Nothing => "unknown",
        }
    }
}

fn send_request(client: &Client, session: &str, text: &str, on_busy: &str, key: Option<&str>) -> RequestBuilder {
    let request = client.request("POST", &format!("/v1/chat/{session}/messages"));
    let request = request.json(&json!({"content": text, "on_busy": on_busy}));
    if let Some(key) = key { request.header("Idempotency-Key", key) } else { request }
}

fn message_path(send: &Send) -> String {
    let message = send.ids.as_ref().map_or("", |(message, _)| message);
    format!("/v1/chat/{}/messages/{message}", send.session)
}

fn task_path(send: &Send) -> String {
    let task = send.ids.as_ref().map_or("", |(_, task)| task);
    format!("/v1/chat/{}/tasks/{task}", send.session)
}
