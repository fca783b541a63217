// Package history remembers the numeric values of subscriptions in one file: every 10 s for 6 hours, every minute for a week, every
// 10 minutes for 90 days, each with the least, the mean and the greatest value. It knows no feed: a subscription is a name.
//
// What is added is in the file a few seconds later, all values of one moment together or none of them, whatever ends the
// process. Until they are a page of their own, a journal in the same file holds them.
package history
