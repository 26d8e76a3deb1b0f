//! Sessions: forks, changes of the agent, lists, archiving, read positions, and titles.

mod agent_change;
mod archive;
mod drafts;
mod forks;
mod list;
mod read;
mod title;
