// Package notify tells people of alerts: a [Webhook] posts each event to an address, an [Email] sends it by mail. Both are
// [alerts.Notifier]: they make one attempt a call and keep no queue, since the engine tries again what failed.
//
// Who is told may be told twice, when an answer is lost or a node ends at the wrong moment. Then the ID of the CloudEvent, or the
// Message-ID of the mail, is the same, and the repeat can be dropped by it.
package notify
