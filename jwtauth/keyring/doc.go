// Package keyring holds the keys of a realm that are made here: those that sign access
// tokens, and the session keys, which sign refresh tokens and cookies. It makes, keeps,
// rotates and retires them, and hands out what is in force. Keys that the config gives
// take the place of the first kind.
//
// It imports packages accesstoken, session and revocation, and reaches the storage
// through [Storage]. Package realm opens it; package adminapi lists and rotates keys.
//
//	keys.go        the open keys: reading again, rotating, the view in force
//	record.go      what is kept of them, and which of them is used at a moment
//	retirement.go  when a key stops, and when it may be removed
//	storage.go     reading and changing the record under the storage's lock
//	list.go        the keys as they are shown
package keyring
