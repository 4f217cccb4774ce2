%% The rules of the gateway, for gwport_validate: what an app and who calls it owe each other.
%% Made of bridge/internal/gateway/rules.txt, which Go reads too, by
%% bridge/testdata/gateway_rules.escript; not to be changed by hand.
%% @hidden
-module(gwport_rules).

-export([all/0, find/1, is_named/2]).

-export_type([rule/0, id/0]).

%% Words with dots between them, the first one being the subject.
-type id() :: binary().
%% Side is whose fault a breach is, checked where a validator looks at it.
-type rule() :: #{id := id(), severity := error | warning, side := gateway | app,
    checked := [go | erlang, ...], says := binary(), hint := binary()}.

%% The rule of an id, which has to be one.
-spec find(id()) -> rule().
find(Id) ->
    hd([Rule || Rule = #{id := Other} <- all(), Other =:= Id]).

%% Whether a name stands for a rule: its id, the beginning of that up to a dot, or * for all.
-spec is_named(Name :: binary(), id()) -> boolean().
is_named(<<"*">>, _) ->
    true;
is_named(Name, Id) ->
    Size = byte_size(Name),
    case Id of
        Name -> true;
        <<Name:Size/binary, ".", _/binary>> -> true;
        _ -> false
    end.

%% In the order of that file.
-spec all() -> [rule()].
all() ->
    [
        #{id => <<"environ.value.text">>, severity => error, side => gateway,
            checked => [go, erlang],
            says => <<"A key without a dot has text as its value: a string in Go, a binary in "
                "Erlang.">>,
            hint => <<"Convert the value to text, or give its key a name with a dot in it.">>},
        #{id => <<"environ.key.text">>, severity => error, side => gateway,
            checked => [erlang],
            says => <<"Every key of the environ is a binary.">>,
            hint => <<"Write the key as a binary, <<\"example.user\">>, and not as an atom or a "
                "string.">>},
        #{id => <<"environ.key.own">>, severity => warning, side => gateway,
            checked => [go, erlang],
            says => <<"A key without a dot is one of CGI's variables, REMOTE_PORT, "
                "REQUEST_URI, or HTTP_ and a field's name in capital letters, digits and "
                "underscores.">>,
            hint => <<"Put a word and a dot before a key of your own, as example.user.">>},
        #{id => <<"environ.key.reserved">>, severity => error, side => gateway,
            checked => [go, erlang],
            says => <<"A key that begins with gwport. is one of those that SPEC.md names.">>,
            hint => <<"Begin a key of your own with another word.">>},
        #{id => <<"environ.http.proxy">>, severity => error, side => gateway,
            checked => [go, erlang],
            says => <<"There is no HTTP_PROXY, which a client could set for the programs that "
                "an app starts.">>,
            hint => <<"Leave the header field Proxy out of the environ.">>},
        #{id => <<"environ.http.twin">>, severity => error, side => gateway,
            checked => [go, erlang],
            says => <<"There is no HTTP_CONTENT_TYPE and no HTTP_CONTENT_LENGTH.">>,
            hint => <<"Use CONTENT_TYPE and CONTENT_LENGTH, which have no twins.">>},
        #{id => <<"environ.http.value">>, severity => error, side => gateway,
            checked => [go, erlang],
            says => <<"The value of a header field has no CR, LF or NUL.">>,
            hint => <<"Refuse or clean such a value before it gets into the environ.">>},
        #{id => <<"environ.method.token">>, severity => error, side => gateway,
            checked => [go, erlang],
            says => <<"REQUEST_METHOD is there, and is a token.">>,
            hint => <<"Put the request's method there, as GET; it has no spaces and is never "
                "empty.">>},
        #{id => <<"environ.script.form">>, severity => error, side => gateway,
            checked => [go, erlang],
            says => <<"SCRIPT_NAME is there, and is empty or begins with a slash.">>,
            hint => <<"An app at the root has an empty SCRIPT_NAME; one below /shop has "
                "\"/shop\".">>},
        #{id => <<"environ.path.form">>, severity => error, side => gateway,
            checked => [go, erlang],
            says => <<"PATH_INFO is there, and is empty or begins with a slash; only with "
                "OPTIONS it may be *, and only with CONNECT an authority.">>,
            hint => <<"Leave the slash with PATH_INFO when a prefix is moved to SCRIPT_NAME.">>},
        #{id => <<"environ.path.raw">>, severity => warning, side => gateway,
            checked => [go, erlang],
            says => <<"SCRIPT_NAME and PATH_INFO are what gwport.script_name and "
                "gwport.path_info decode to, where those are there.">>,
            hint => <<"Change both forms of a path, or take the raw form away with what you "
                "change.">>},
        #{id => <<"environ.query.there">>, severity => error, side => gateway,
            checked => [go, erlang],
            says => <<"QUERY_STRING is there, and is empty if there is no query.">>,
            hint => <<"Set QUERY_STRING to empty text instead of taking it away.">>},
        #{id => <<"environ.server.name">>, severity => error, side => gateway,
            checked => [go, erlang],
            says => <<"SERVER_NAME is there, and is a host without a port, or empty where "
                "nobody knows it.">>,
            hint => <<"Put the port into SERVER_PORT.">>},
        #{id => <<"environ.port.digits">>, severity => error, side => gateway,
            checked => [go, erlang],
            says => <<"SERVER_PORT and REMOTE_PORT are there, and are digits for a number up "
                "to 65535.">>,
            hint => <<"Write the port as text, \"443\"; one that is not known is \"0\".">>},
        #{id => <<"environ.protocol.form">>, severity => error, side => gateway,
            checked => [go, erlang],
            says => <<"SERVER_PROTOCOL is there, and is HTTP/ with a version of one or two "
                "digits, as HTTP/1.1 or HTTP/2.">>,
            hint => <<"Put the version of the client's connection there.">>},
        #{id => <<"environ.length.digits">>, severity => error, side => gateway,
            checked => [go, erlang],
            says => <<"CONTENT_LENGTH is digits if it is there.">>,
            hint => <<"Take CONTENT_LENGTH away where the length is not known.">>},
        #{id => <<"environ.host.form">>, severity => error, side => gateway,
            checked => [go, erlang],
            says => <<"HTTP_HOST, if it is there, is empty, or a host with or without a port.">>,
            hint => <<"Leave scheme, user and path out of it.">>},
        #{id => <<"environ.version.pair">>, severity => error, side => gateway,
            checked => [go, erlang],
            says => <<"gwport.version is there, and is the pair 1, 0.">>,
            hint => <<"Keep what the gateway has put there.">>},
        #{id => <<"environ.scheme.name">>, severity => error, side => gateway,
            checked => [go, erlang],
            says => <<"gwport.url_scheme is there, and is http or https.">>,
            hint => <<"ws is http, and wss is https; the name is in lower case.">>},
        #{id => <<"environ.flags.boolean">>, severity => error, side => gateway,
            checked => [go, erlang],
            says => <<"gwport.async, gwport.multithread, gwport.multiprocess and "
                "gwport.run_once are there, and are booleans.">>,
            hint => <<"Keep what the gateway has put there.">>},
        #{id => <<"environ.input.form">>, severity => error, side => gateway,
            checked => [go, erlang],
            says => <<"gwport.input is there, and can be read from: an io.Reader in Go, a fun "
                "of one argument in Erlang.">>,
            hint => <<"A request without a body has an input that is at its end: http.NoBody, "
                "or a fun that returns eof.">>},
        #{id => <<"environ.errors.form">>, severity => error, side => gateway,
            checked => [go, erlang],
            says => <<"gwport.errors is there, and can be written to: an io.Writer in Go, a "
                "fun of one argument in Erlang.">>,
            hint => <<"Keep what the gateway has put there, or wrap it.">>},
        #{id => <<"environ.wake.form">>, severity => error, side => gateway,
            checked => [go, erlang],
            says => <<"Where gwport.async is true, gwport.wake is there, and wakes: an "
                "interface{ Wake() } in Go, a fun of no arguments in Erlang.">>,
            hint => <<"Keep what the gateway has put there, or set gwport.async to false.">>},
        #{id => <<"environ.fresh">>, severity => error, side => gateway,
            checked => [go],
            says => <<"An environ is one request's, and not another's at the same time.">>,
            hint => <<"Make a map for each request; maps.Clone copies one.">>},
        #{id => <<"input.read.size">>, severity => error, side => app,
            checked => [go, erlang],
            says => <<"The input is asked for at least one byte.">>,
            hint => <<"Read into a buffer that is not empty, or ask for an integer from 1.">>},
        #{id => <<"input.read.alone">>, severity => error, side => app,
            checked => [go],
            says => <<"The input is read by one goroutine at a time.">>,
            hint => <<"Let one goroutine read, and hand over what it has read.">>},
        #{id => <<"input.read.late">>, severity => error, side => app,
            checked => [go, erlang],
            says => <<"The input is not read when the response is over.">>,
            hint => <<"Wait for everything that reads the body before the response ends.">>},
        #{id => <<"input.bytes">>, severity => error, side => gateway,
            checked => [go, erlang],
            says => <<"The input gives one byte or more, and no more than it was asked for, or "
                "says that it has ended or failed.">>,
            hint => <<"A read waits until there is something; in Erlang it returns {ok, Bytes} "
                "or eof.">>},
        #{id => <<"input.length">>, severity => error, side => gateway,
            checked => [go, erlang],
            says => <<"The input has as many bytes as CONTENT_LENGTH says, if that is there.">>,
            hint => <<"Who puts another input into the environ changes CONTENT_LENGTH with it, "
                "or takes it away.">>},
        #{id => <<"input.ended">>, severity => error, side => gateway,
            checked => [go, erlang],
            says => <<"An input that has ended stays ended, however often it is asked.">>,
            hint => <<"Say the end again instead of beginning anew.">>},
        #{id => <<"errors.text">>, severity => warning, side => app,
            checked => [go, erlang],
            says => <<"What is written to gwport.errors is text in UTF-8.">>,
            hint => <<"Quote bytes that are no text, as with %q in Go and ~p in Erlang.">>},
        #{id => <<"response.shape">>, severity => error, side => app,
            checked => [go, erlang],
            says => <<"An app returns a response, with status, headers and body in this order, "
                "or a deferred one.">>,
            hint => <<"Return a bridge.Response, or {Status, Headers, Body}; look for a branch "
                "that returns nothing.">>},
        #{id => <<"response.status.range">>, severity => error, side => app,
            checked => [go, erlang],
            says => <<"The status is an integer from 200 to 999.">>,
            hint => <<"A response that is not set has status 0; informational statuses are no "
                "responses.">>},
        #{id => <<"response.status.needs">>, severity => warning, side => app,
            checked => [go, erlang],
            says => <<"A status that calls for a field has it: 206 Content-Range or a "
                "multipart type, 301, 302, 303, 307 and 308 Location, 401 "
                "WWW-Authenticate, 405 Allow, 426 Upgrade.">>,
            hint => <<"Add the field, or choose another status.">>},
        #{id => <<"response.reason.control">>, severity => error, side => app,
            checked => [go, erlang],
            says => <<"The reason has no control characters; in Erlang it is a binary beside "
                "the status, {404, <<\"Nothing here\">>}.">>,
            hint => <<"Leave the reason out: the usual one is sent then.">>},
        #{id => <<"response.headers.pairs">>, severity => error, side => app,
            checked => [erlang],
            says => <<"Headers are a proper list of {Name, Value}, binaries both.">>,
            hint => <<"Make binaries of atoms, strings and numbers.">>},
        #{id => <<"response.header.name">>, severity => error, side => app,
            checked => [go, erlang],
            says => <<"A header's name is a token.">>,
            hint => <<"A name has letters, digits and hyphens, and neither spaces nor a colon.">>},
        #{id => <<"response.header.value">>, severity => error, side => app,
            checked => [go, erlang],
            says => <<"A header's value has no control characters but tabs.">>,
            hint => <<"Encode what comes from outside before it gets into a header; a line "
                "break in it may be an attack.">>},
        #{id => <<"response.header.hop">>, severity => error, side => app,
            checked => [go, erlang],
            says => <<"Fields of the connection are the host's: Connection, Keep-Alive, "
                "Proxy-Connection, TE, Transfer-Encoding, and Upgrade but in a 426.">>,
            hint => <<"Leave the field out; the host says what its connection needs.">>},
        #{id => <<"response.header.once">>, severity => warning, side => app,
            checked => [go, erlang],
            says => <<"A field that has one value is there once: Content-Type, "
                "Content-Location, Content-Range, Date, ETag, Last-Modified, Location, "
                "Retry-After.">>,
            hint => <<"Replace the value instead of adding another; middleware that sets a "
                "field looks whether it is there.">>},
        #{id => <<"response.type.there">>, severity => warning, side => app,
            checked => [go, erlang],
            says => <<"A response with a body says its Content-Type.">>,
            hint => <<"Add Content-Type; without it Go guesses, and Erlang sends none; an "
                "empty value says that none is wanted.">>},
        #{id => <<"response.type.none">>, severity => warning, side => app,
            checked => [go, erlang],
            says => <<"A response with status 204 or 304 has no Content-Type.">>,
            hint => <<"Leave it out: there is nothing that it could be the type of.">>},
        #{id => <<"response.length.digits">>, severity => error, side => app,
            checked => [go, erlang],
            says => <<"Content-Length is there once at most, and is digits; an empty value "
                "says that none is wanted.">>,
            hint => <<"Leave it out where the body is in memory: it is added.">>},
        #{id => <<"response.length.none">>, severity => error, side => app,
            checked => [go, erlang],
            says => <<"A response with status 204 has no Content-Length.">>,
            hint => <<"Leave it out.">>},
        #{id => <<"response.location.form">>, severity => warning, side => app,
            checked => [go, erlang],
            says => <<"Location is a URI reference: not empty, and without spaces, controls, "
                "and bytes above 126.">>,
            hint => <<"Percent-encode the path and the query.">>},
        #{id => <<"response.cookie.form">>, severity => warning, side => app,
            checked => [go, erlang],
            says => <<"Set-Cookie begins with a name, which is a token, and =.">>,
            hint => <<"Write one cookie in each Set-Cookie, as id=1; Path=/; http.Cookie makes "
                "one in Go.">>},
        #{id => <<"response.cookie.secure">>, severity => warning, side => app,
            checked => [go, erlang],
            says => <<"A cookie that is set over https has the attribute Secure.">>,
            hint => <<"Add ; Secure, or the browser sends the cookie over http too.">>},
        #{id => <<"response.etag.quoted">>, severity => warning, side => app,
            checked => [go, erlang],
            says => <<"ETag is text in double quotes, with W/ before it if it is a weak one.">>,
            hint => <<"Put the quotes around it: \"abc\", W/\"abc\".">>},
        #{id => <<"deferred.allowed">>, severity => error, side => app,
            checked => [go, erlang],
            says => <<"A deferred response is returned only where gwport.async is true.">>,
            hint => <<"Look at gwport.async, and answer at once where it is not true.">>},
        #{id => <<"deferred.answer">>, severity => error, side => app,
            checked => [go, erlang],
            says => <<"A deferred response that is asked returns a response, or says that "
                "there is none yet: nil or bridge.Wait{} in Go, none or wait in Erlang.">>,
            hint => <<"Return nil or none to be asked again soon, Wait or wait to be asked "
                "when gwport.wake was called.">>},
        #{id => <<"deferred.once">>, severity => error, side => app,
            checked => [go, erlang],
            says => <<"A deferred response does not become another deferred response.">>,
            hint => <<"Return the response itself; while it is missing, say that there is none "
                "yet.">>},
        #{id => <<"trailers.field">>, severity => error, side => app,
            checked => [go],
            says => <<"A trailing field keeps to the rules of headers, and is none of framing, "
                "routing, authentication or the body's form.">>,
            hint => <<"Send such a field with the head.">>},
        #{id => <<"trailers.when">>, severity => error, side => gateway,
            checked => [go],
            says => <<"Trailers are asked for once at most, behind the end of the body.">>,
            hint => <<"Middleware that reads the body to its end asks for the trailers after "
                "that, and keeps them.">>},
        #{id => <<"body.shape">>, severity => error, side => app,
            checked => [erlang],
            says => <<"A body is iodata, {Next, State} or {Next, State, Close}, Next being a "
                "fun of one argument and Close one of none.">>,
            hint => <<"Convert text with unicode:characters_to_binary/1; iodata has no "
                "integers above 255 and no atoms.">>},
        #{id => <<"body.block">>, severity => error, side => app,
            checked => [go, erlang],
            says => <<"A body that is asked gives a block or its end: no more bytes than fit "
                "and no negative number in Go; {continue, Block, State}, {stop, Block} "
                "or stop in Erlang, with blocks that are iodata.">>,
            hint => <<"Look at what Read returns, or Next.">>},
        #{id => <<"body.length">>, severity => error, side => app,
            checked => [go, erlang],
            says => <<"A body has as many bytes as Content-Length says.">>,
            hint => <<"Middleware that changes a body changes Content-Length too, or takes it "
                "away.">>},
        #{id => <<"body.none">>, severity => error, side => app,
            checked => [go, erlang],
            says => <<"A response with status 204 or 304 has no body, or an empty one.">>,
            hint => <<"Choose another status, or leave the body out: nobody would see it.">>},
        #{id => <<"body.fresh">>, severity => error, side => app,
            checked => [go],
            says => <<"A body is one response's, and not another's at the same time.">>,
            hint => <<"Make a reader for each response; they may share the bytes.">>},
        #{id => <<"body.close.there">>, severity => error, side => gateway,
            checked => [go, erlang],
            says => <<"A body that can be closed is closed when its response is over, whatever "
                "has happened.">>,
            hint => <<"Middleware that returns another body closes the one it was given, when "
                "its own is closed or at once.">>},
        #{id => <<"body.close.once">>, severity => error, side => gateway,
            checked => [go, erlang],
            says => <<"A body is not closed twice.">>,
            hint => <<"Leave the closing to whoever has the body last.">>},
        #{id => <<"body.close.fails">>, severity => warning, side => app,
            checked => [go, erlang],
            says => <<"Closing a body does not fail.">>,
            hint => <<"Nobody is left to be told: handle the failure where it happens.">>},
        #{id => <<"body.read.closed">>, severity => error, side => gateway,
            checked => [go, erlang],
            says => <<"A body is not asked for more when it has been closed.">>,
            hint => <<"Close it last.">>},
        #{id => <<"body.read.ended">>, severity => error, side => gateway,
            checked => [go, erlang],
            says => <<"A body is not asked for more when it has said its end.">>,
            hint => <<"Keep in mind that it has ended.">>},
        #{id => <<"body.read.none">>, severity => error, side => gateway,
            checked => [go, erlang],
            says => <<"A body is not asked for anything where none is sent: for HEAD, and with "
                "status 204 and 304.">>,
            hint => <<"Look at method and status before the body is read; it is closed all the "
                "same.">>},
        #{id => <<"life.cancel">>, severity => warning, side => app,
            checked => [go],
            says => <<"An app that is told by its context that the request is over returns "
                "soon, and so does its body.">>,
            hint => <<"Hand the context on to whatever waits, and select on its Done.">>}
    ].
