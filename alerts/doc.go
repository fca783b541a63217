// Package alerts turns what thresholds say of records into alerts: raised once, told once, cleared once, on however many
// nodes the records are judged.
//
// It is triggered by levels, not by edges. Whoever has judged the records of a feed gives all that are beyond a bound to an
// [Engine]; it compares them with the alerts that there are, which all nodes share in a [Store], and makes the difference.
// A judgement that is lost costs nothing but the time until the next one.
//
// Each change goes into the store by compare-and-swap, together with whom it is to be told and by which node. So the node
// whose change it became tells it, and if that node ends before it has, another one does, under the same [Event] ID.
//
// A node that cannot reach the store waits for half a minute, then goes on by itself with what it knew, and brings
// its changes along when it is back: of each alert the one with more changes stays. The package knows no feed and no page.
package alerts
