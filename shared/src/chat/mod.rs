//! The chat domain, including sessions, messages, tasks, and the rules that do not require a database.

mod attachment;
mod changes;
mod content;
mod display;
mod draft;
mod folded_text;
mod history;
mod imported;
mod index_tokens;
mod message;
mod permission;
mod plan_detail;
mod session;
mod snippet;
mod step;
mod step_detail;
mod step_kind;
mod step_text;
mod task;
mod terminal_text;
mod text_query;
mod title;
mod tool_detail;
mod trace_parent;
mod turn_time;
mod turn_tree;
mod user;
mod word_query;
mod words;

pub use attachment::{
    AcceptedFiles, Attachment, FileName, FileNameError, MAX_ATTACHMENTS, MAX_FILE_NAME_BYTES, is_raster_image, is_text,
    split_extension,
};
pub use changes::{ChangeCounts, ChangeStatus, ChangedFile};
pub use content::{Content, ContentError, MAX_ANSWER_BYTES, MAX_CONTENT_BYTES, sanitize_agent_text};
pub use display::{clean_line, preview};
pub use draft::{Draft, DraftText, DraftTooLong};
pub use history::{AgentSession, HistoryMessage, ResumePoint};
pub use imported::{ImportedConversation, ImportedMessage, ImportedStep, ImportedTask, ImportedTurn};
pub use index_tokens::{IndexTerm, IndexTokens};
pub use message::{FinishReason, Message, MessageBranch, Partial, Role};
pub use permission::{
    AnswerError, DecidedBy, PermissionAnswer, PermissionDecision, PermissionDetail, PermissionKind, PermissionOption,
    PermissionOutcome, decide_stored, option_for, store_expiry,
};
pub use plan_detail::{PlanDetail, PlanEntry, PlanEntryPriority, PlanEntryStatus};
pub use session::{ForkOrigin, GitState, LastMessage, OnBusy, PREVIEW_CHARS, Session, SessionStatus};
pub use snippet::Snippet;
pub use step::{Step, StepStatus};
pub use step_detail::{NoticeDetail, StepDetail, StepFields, ThoughtDetail};
pub use step_kind::StepKind;
pub use step_text::{MAX_STEP_DETAIL_BYTES, MAX_STEP_TITLE_CHARS, clean_step_detail, clean_step_title};
pub use task::{
    ErrorCode, MAX_BACKOFF, MAX_RETRY_AFTER, StopReason, Task, TaskDetail, TaskError, TaskStatus, Usage, backoff,
};
pub use terminal_text::strip_terminal_codes;
pub use text_query::{MAX_QUERY_CHARS, TextQuery, TextQueryError};
pub use title::{MAX_TITLE_CHARS, Title, TitleError};
pub use tool_detail::{FileDiff, ToolDetail, ToolKind, ToolLocation};
pub use trace_parent::TraceParent;
pub use turn_time::{
    AttemptMilestones, TURN_TIME_BOUNDS_US, TurnBucket, TurnCount, TurnPart, TurnTimes, turn_time_bound,
};
pub use turn_tree::{TurnNode, TurnTree};
pub use user::{Principal, UserRef, UserRole};
pub use word_query::{WordMatch, WordQuery};

/// Returns whether a flag is false and can therefore be omitted.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde requires this signature")]
const fn is_false(value: &bool) -> bool {
    !*value
}
