// Package feeds polls sources and turns what they give into readings.
//
// A [Feed] is a [Source] with a name and an interval. A [Subscription] is a feed with its parameters: a user, a page, a
// filter. A [Scheduler] knows which subscriptions are wanted, polls for them, and gives each [Reading] to a [Sink].
//
// # Once an interval
//
// However many want a subscription, it is polled once an interval. Subscriptions that need the same question asked of
// the source share a poll: all pages and filters of a Whole source, all users of one that is not PerUser. The first
// poll starts at once, those after it on a grid of whole intervals from there. A tick that is missed is skipped, never
// made up for. Who comes while the newest table is younger than two intervals is served from it, and who comes back
// within the interval costs no poll of their own.
//
// A subscription is wanted while it is watched or pinned, and for 3 intervals after the last Watch, Want or Newest.
// Then the scheduler forgets it and tells the sink to drop it; sooner where the bounds leave no room for what is new.
//
// # Early
//
// A source that is a [Runner] runs for as long as the scheduler, on every node, and may ask for an early poll. It happens at
// once, a MinGap after the last one started at the earliest, and the interval counts from its start. What is asked for while
// a poll runs is polled for after it. Among many nodes it is claimed like any other, once a version: the node that polled
// last goes first, the others 200 ms later where nothing has come, so that it matters to nobody which nodes the source has told.
//
// What is Pushed is never polled for at intervals. The node that has been pushed to takes the records from its own source
// and publishes them, without a claim, as newer than all that it knows of; the others keep them, and look there for what was
// pushed before they came. Such readings have no Due. They become Stale when they are older than MaxAge and stay what they
// are without one. Where nothing was pushed yet, readings are Loading at once, and say so.
//
// # Every poll gives a reading
//
// A poll has 80 % of the interval. A failure, a panic and a source that does not come back are readings too: Stale with
// the last good page, or Failed when there is none. A source that ignores the end of its context holds up nobody else;
// it is not asked again before it has returned, and each tick until then says so. What it returns late is thrown away.
// A source that has failed 5 times in a row is left alone for 2 intervals, then 3, then 5 for as long as it fails, each up to a
// tenth less, by the same on all nodes. Its Circuit is open, Due says when it is asked again, and one success closes it. What comes of a
// wake meanwhile waits for that too, unless the source knows that it is back: see [ErrAway].
//
// Who comes, other than by Pin, when there is no reading that should not have been replaced an interval ago, such as after a machine slept, waits
// for the next one. When there is none 2 s later the subscription gets one that is Loading.
//
// A feed with MaxAge whose newest time is older than that is Stale, reason source-old, though its polls succeed. A table
// in which no time can be read counts as old: nothing shows that it is not. Of a source that cuts its own pages the
// first page is judged, unless it tells the newest time itself.
//
// What a source gives is repaired before anybody sees it: text that is not UTF-8, numbers that JSON cannot carry,
// more records than were asked for, wrong totals. What is larger than MaxRecords, MaxRecordBytes and MaxTableBytes allow is a
// failure: a table that was cut would look complete.
//
// # States
//
// A feed with thresholds has each record say its state. It is judged once, by the node that polls, and what has to be
// remembered for that, since when a value has been beyond a bound, goes along with the table: another node that polls next
// goes on from there. Of a source that cuts its own pages each page remembers for itself.
//
// # Many nodes
//
// With [Peers] a poll is made once an interval by one node, and all show what it got. What travels is the table of the
// poll, the same for all pages and filters that hang on it, with its failure if it failed; each node cuts its own. The
// version of a reading is that of the table, and the node that polled takes its own records as they travel, so that a
// version means the same to the letter wherever a client asks. Ages of the source's data are judged on the clock of the
// node that polled.
//
// Who polls is claimed. All nodes know the newest version; its successor is due an interval after that poll started,
// counted by each node from when it saw the table first, less the time that the poll took. The node that polled last
// tries at once, the others 200 ms later, if nothing has come. Attempts are counted in whole intervals since then and
// each is made once, so a node that dies costs one of them. Before every attempt but the first, and before the first of
// a node, the newest that is kept is asked for; a newer one is taken, not polled for. A claim of which nobody knows what
// became is not polled for, and a node that cannot learn what is kept asks again first. A node that can reach no other has
// what it claims: it polls for itself, and goes on from the highest version when it is back. A node whose source is stuck,
// whose polls fail, or whose claims get lost, comes after the others.
//
// A table that may not have got to the others is published again, a few times: what nobody has, another node polls for
// once more. A node that is about to leave begins no more polls and lets those that run get to the others first; see
// [Scheduler.HandOver].
//
// Feeds that are PerNode are polled by the node they name. The others want them by [Scheduler.WantedElsewhere], and that
// node is told by [Scheduler.WantFor]. When it is gone, the reading says so, once.
//
// A node numbers what it says on its own account, Loading and that a node is gone, just above the newest table; tables
// leave room for that.
//
// # Order
//
// The sink is called from one goroutine. The readings of a subscription come in the order of their versions, and Drop
// comes after the last of them. Version is the time in Unix microseconds, or a little more than the last if that is not
// higher; Before is the version that the sink was given just before. Newest and the sink agree: what Newest returns,
// the sink has taken, unless it is a Loading that the caller was too early for.
//
// # Bounds
//
// Distinct polls are bounded in all and for each feed, distinct subscriptions in all, and so are the polls of one feed
// that run at the same time. At a bound of polls or subscriptions the one that nobody watches or pins and that was
// named longest ago makes room; where there is none, the new one is refused. Of each poll the newest good table is kept, of each subscription its newest page and the
// last hour of its values: 100 series, 3,600 points each, 16 bytes a point.
package feeds
