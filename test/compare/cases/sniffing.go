package cases

// The type that a response has when its handler gives none: by the first 512 bytes of the first Write.
var _ = theme(Theme{
	Name: "sniffing",
	Cases: []Case{
		{Name: "text", Do: ops(write("hello"))},
		{Name: "html", Do: ops(write("<html><body>"))},
		{Name: "html in two writes", Do: ops(write("<!doc"), write("type html>"))},
		{Name: "html in two writes with a flush", Do: ops(write("<!doc"), flush, write("type html>"))},
		{Name: "html behind spaces", Do: ops(write("   \n\t<!DOCTYPE html>"))},
		{Name: "png", Do: ops(write("\x89PNG\x0d\x0a\x1a\x0a"))},
		{Name: "pdf", Do: ops(write("%PDF-1.7"))},
		{Name: "json", Do: ops(write(`{"a":1}`))},
		{Name: "xml", Do: ops(write("<?xml version='1.0'?>"))},
		{Name: "gzip", Do: ops(write("\x1f\x8b\x08"))},
		{Name: "utf-16", Do: ops(write("\xfe\xff\x00a"))},
		{Name: "binary", Do: ops(write("\x00\x01\x02"))},
		{Name: "by a later write", Do: ops(write("a"), write("\x00\x01"))},
		{Name: "large", Do: ops(bytes(100_000))},
		{Name: "copied", Do: ops(copies(5000))},
		{Name: "its own", Do: ops(set("Content-Type", "application/json"), write("<html>"))},
		{Name: "its own and empty", Do: ops(set("Content-Type", ""), write("<html>"))},
		{Name: "encoded", Do: ops(set("Content-Encoding", "gzip"), write("<html>"))},
		{Name: "encoded with nothing", Do: ops(set("Content-Encoding", ""), write("<html>"))},
		{Name: "nosniff", Do: ops(set("X-Content-Type-Options", "nosniff"), write("<html>"))},
		{Name: "head", Method: "HEAD", Do: ops(write("<html>"))},
		{Name: "no body", Do: ops(status(200))},
		{Name: "no body of an error", Do: ops(status(404))},
		{Name: "empty write", Do: ops(write(""), write("<html>"))},
		{Name: "404", Do: ops(status(404), write("<html>"))},
	},
})
