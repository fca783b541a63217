package views

// ChatStrings are the words of the pages of rooms. Other pages do not bring them along.
type ChatStrings struct {
	Chat         string `json:"-"`
	ChatTitle    string `json:"-"`
	Room         string `json:"-"`
	OpenRoom     string `json:"-"`
	RoomHint     string `json:"-"`
	Messages     string `json:"-"`
	LogLabel     string `json:"-"`
	LastOf       string `json:"-"`
	NoMessages   string `json:"-"`
	FirstMessage string `json:"-"`
	Somebody     string `json:"somebody"`
	You          string `json:"you"`
	OnlySome     string `json:"onlySome"`
	OnlyNode     string `json:"onlyNode"`
	Newer        string `json:"newer"`
	YourName     string `json:"-"`
	YourMessage  string `json:"-"`
	Keys         string `json:"-"`
	Send         string `json:"-"`
	Write        string `json:"-"`
	WriteWhy     string `json:"-"`
	Read         string `json:"-"`
	Sending      string `json:"sending"`
	NotSent      string `json:"notSent"`
	Discard      string `json:"discard"`
	Resend       string `json:"resend"`
	SizeOf       string `json:"sizeOf"`
	TooLong      string `json:"tooLong"`
	NoAnswer     string `json:"noAnswer"`
	LostMeantime string `json:"lostMeantime"`
	MayMiss      string `json:"mayMiss"`
	Here         string `json:"-"`
	HereNobody   string `json:"hereNobody"`
	HereOne      string `json:"hereOne"`
	HereMany     string `json:"hereMany"`
	HereMore     string `json:"hereMore"`
	HereUnnamed  string `json:"-"`
	Joined       string `json:"joined"`
	Left         string `json:"left"`
}

// EnglishChat is the language of all rooms for now.
var EnglishChat = ChatStrings{
	Chat:         "Chat",
	ChatTitle:    "Room {room}",
	Room:         "Room",
	OpenRoom:     "Open",
	RoomHint:     "1 to 64 letters, digits, dots, hyphens or underscores",
	Messages:     "Messages",
	LogLabel:     "Messages in {room}",
	LastOf:       "the last {n} of {total}",
	NoMessages:   "No messages yet",
	FirstMessage: "What is said here reaches everybody in the room, on every node, and is kept for an hour.",
	Somebody:     "Somebody",
	You:          "you",
	OnlySome:     "not for everybody here",
	OnlyNode:     "reaches this node only",
	Newer:        "{n} new",
	YourName:     "Your name",
	YourMessage:  "Message to {room}",
	Keys:         "Enter sends, Shift and Enter begin a new line",
	Send:         "Send",
	Write:        "Write a message",
	WriteWhy:     "This page loads itself again every {age}. The page to write on does not, so that nothing typed is lost.",
	Read:         "Back to reading",
	Sending:      "sending",
	NotSent:      "Not sent: {reason}",
	Discard:      "Discard",
	Resend:       "Try again",
	SizeOf:       "{size} of {most} bytes",
	TooLong:      "Not sent: the message has {size} bytes, at most {most} are allowed.",
	NoAnswer:     "the server did not answer",
	LostMeantime: "the connection was lost before the answer came",
	MayMiss:      "Messages may be missing here.",
	Here:         "Who is here",
	HereNobody:   "nobody here",
	HereOne:      "1 connection",
	HereMany:     "{n} connections",
	HereMore:     "and {n} more",
	HereUnnamed:  "Nobody here has said which user they are.",
	Joined:       "{names} joined",
	Left:         "{names} left",
}
