%% The client's side of an exchange under Cowboy, as far as both mounts share it: what has come of
%% the request's body, which of Cowboy's commands a response is, when a connection may carry no
%% other request, and how it is kept from timing out.
%%
%% The commands are Cowboy's raw ones: cowboy_req:reply/4 and its kin would overwrite a length,
%% refuse a cookie, crash on a 204; the commands behind them do what they are told.
-module(gwport_http).

-export([new/2, received/3, taken/2, reading/1, expects/1]).
-export([response/2, failure/2, others/2, left/1]).
-export([tick/1, idle/2, log_failure/2, stalled/2]).

-export_type([http/0]).

-include_lib("kernel/include/logger.hrl").

-record(http, {
    req :: cowboy_req:req(),
    listener :: gwport_cowboy:listener(),
    %% Whether the client was told to go on, or never asked.
    continued :: boolean(),
    %% Bytes of the request's body that have come, and that were asked for; whether its end has come.
    received = 0 :: non_neg_integer(),
    taken = 0 :: non_neg_integer(),
    complete :: boolean(),
    %% Whether the response said that the connection ends with it.
    last = false :: boolean()
}).
-opaque http() :: #http{}.

%% Ranch's send_timeout. Cowboy 2.8 takes no notice when a send has failed for it.
-define(SEND_TIMEOUT, 30000).
-define(MAX_TICK, 60000).
%% What is taken of a body behind its response, so that the next request on the connection can be
%% found: bytes (net/http's number), and milliseconds.
-define(MAX_DISCARD, 262144).
-define(DISCARD_TIME, 30000).

-spec new(cowboy_req:req(), gwport_cowboy:listener()) -> http().
new(Req = #{has_body := HasBody}, Listener) ->
    #http{req = Req, listener = Listener, continued = not gwport_cowboy:expects_continue(Req),
        complete = not HasBody}.

%% A piece of the request's body has come.
-spec received(nofin | fin, binary(), http()) -> http().
received(IsFin, Data, Http = #http{received = Received, complete = Complete}) ->
    Http#http{received = Received + byte_size(Data), complete = Complete orelse IsFin =:= fin}.

%% It goes on to the app, or could.
-spec taken(binary(), http()) -> http().
taken(Data, Http = #http{taken = Taken}) ->
    Http#http{taken = Taken + byte_size(Data)}.

%% The body is read: a client that waits for 100 Continue is told to go on.
-spec reading(http()) -> http().
reading(Http) ->
    Http#http{continued = true}.

%% Whether the client still waits to be told.
-spec expects(http()) -> boolean().
expects(#http{continued = Continued, received = Received}) ->
    not Continued andalso Received =:= 0.

%% A command of gwport_stream's to the client, as Cowboy's.
-spec response(Command, http()) -> {tuple(), http()} when
    Command :: {inform, gwport_response:status(), gwport_response:fields()}
             | {reply, gwport_response:head(), iodata()}
             | {head, gwport_response:head()}
             | {trailers, gwport_response:fields()}.
response({inform, Status, Fields}, Http) ->
    {{inform, Status, gwport_cowboy:inform_headers(Fields)}, Http};
response({reply, Head = #{status := Status, close := Close}, Body}, Http0) ->
    Http = last(Close orelse ends(Http0), Http0),
    {{response, Status, headers(Head, Http), Body}, Http};
%% An app that has begun to answer may read on.
response({head, Head = #{status := Status, close := Close}}, Http0) ->
    Http = last(Close orelse is_unsure(Http0) orelse is_deaf(Http0), Http0),
    {{headers, Status, headers(Head, Http)}, Http};
response({trailers, Fields}, Http) ->
    {{trailers, gwport_cowboy:trailers(Fields)}, Http}.

headers(#{headers := Fields, code := Code, length := Length}, Http = #http{req = Req}) ->
    close(Http, with_length(Code, Length, gwport_cowboy:response_headers(Fields, Req))).

with_length(_, undefined, Headers) -> Headers;
with_length(204, _, Headers) -> Headers;
with_length(_, Length, Headers) -> Headers#{<<"content-length">> => integer_to_binary(Length)}.

last(_, Http = #http{req = #{version := 'HTTP/2'}}) -> Http;
last(Last, Http) -> Http#http{last = Last}.

%% `upgrade` is a field of the connection, and is named as one (RFC 9110, 7.8); HTTP/2 has none.
close(#http{req = #{version := 'HTTP/2'}}, Headers) ->
    maps:remove(<<"upgrade">>, Headers);
close(#http{last = Last}, Headers) ->
    case {Last, Headers} of
        {true, #{<<"upgrade">> := _}} -> Headers#{<<"connection">> => <<"close, upgrade">>};
        {true, _} -> Headers#{<<"connection">> => <<"close">>};
        {false, #{<<"upgrade">> := _}} -> Headers#{<<"connection">> => <<"upgrade">>};
        {false, _} -> Headers
    end.

%% Whether the connection may carry no other request once the app has done with this one, since too
%% much of its body is left.
ends(Http) ->
    is_unsure(Http) orelse is_deaf(Http) orelse left_of(Http) > ?MAX_DISCARD.

left_of(#http{req = #{body_length := undefined}}) -> 0;
left_of(#http{req = #{body_length := Length}, taken = Taken}) -> Length - Taken.

%% Whether what comes next cannot be told from the body. A client that was never told to go on still
%% owes it, and may or may not send it; where it has sent it unasked, the connection ends as well,
%% because only one of the two mounts would know. One of HTTP/1.0 may take the end of the connection
%% for that of the response.
is_unsure(#http{continued = false}) -> true;
is_unsure(#http{complete = true}) -> false;
is_unsure(#http{req = #{version := Version}}) -> Version =:= 'HTTP/1.0'.

%% Whether Cowboy may have stopped reading the socket before the body's end came, and not know of
%% it: see gwport_cowboy:listener/1.
is_deaf(#http{req = #{body_length := undefined}, received = Received,
        listener = #{heard := Heard}, complete = Complete}) ->
    Complete andalso Received >= Heard;
is_deaf(#http{req = #{body_length := Length}, listener = #{heard := Heard}}) ->
    Length > Heard.

%% What is to be done when the response is over: `stop`; or take what is left of the body from the
%% client, if it is no more than so many bytes and comes in so many milliseconds; or cut the
%% connection. A stream of HTTP/1.1 that stops before its body has come is a trap: Cowboy before 2.13
%% does not look at what stands behind such a body, be it a whole request, until more comes.
-spec left(http()) ->
    stop | {discard, Bytes :: non_neg_integer(), Milliseconds :: pos_integer()} | cut.
left(#http{req = #{version := 'HTTP/2'}}) -> stop;
left(#http{last = true}) -> stop;
left(Http = #http{complete = true}) ->
    case is_deaf(Http) of
        true -> cut;
        false -> stop
    end;
left(Http = #http{received = Received, taken = Taken}) ->
    Most = min(?MAX_DISCARD - (Received - Taken), most_heard(Http)),
    case {left_of(Http) > ?MAX_DISCARD orelse Most < 0, is_closing(Http)} of
        {true, _} -> cut;
        {false, true} -> stop;
        {false, false} -> {discard, Most, ?DISCARD_TIME}
    end.

%% Of a body whose length was known the response has said before what will be.
most_heard(#http{req = #{body_length := undefined}, received = Received,
        listener = #{heard := Heard}}) when is_integer(Heard) ->
    Heard - 1 - Received;
most_heard(_) ->
    infinity.

%% The client has said so itself.
is_closing(#http{req = #{headers := Headers}}) ->
    Connection = maps:get(<<"connection">>, Headers, <<>>),
    lists:member(<<"close">>, gwport_response:options(Connection)).

%% What a client is told when there is no answer from an app. Where a request ends that is not
%% valid, nobody can say.
-spec failure(gwport_status:reason(), http()) -> {tuple(), http()}.
failure(Reason, Http0 = #http{req = Req = #{method := Method}}) ->
    Text = gwport_status:text(Reason),
    Body = case Method of <<"HEAD">> -> <<>>; _ -> Text end,
    Headers = gwport_cowboy:response_headers(gwport_status:headers(Reason), Req),
    Http = last(Reason =:= bad_request orelse ends(Http0), Http0),
    {{response, gwport_status:status(Reason), close(Http,
        Headers#{<<"content-length">> => integer_to_binary(byte_size(Text))}), Body}, Http}.

%% A whole response that somebody else has made.
-spec others({response, term(), map(), term()}, http()) -> {tuple(), http()}.
others({response, Status, Headers, Body}, Http0) ->
    Http = last(ends(Http0), Http0),
    {{response, Status, close(Http, Headers), Body}, Http}.

-spec log_failure(term(), http()) -> ok.
log_failure(Reason, #http{req = #{method := Method, path := Path}}) ->
    ?LOG_NOTICE("gwport: ~s ~ts ended: ~0p", [Method, gwport_line:text(Path), Reason]).

%% Cowboy's timers look at what the client sends and at what the connection process hears; a
%% response that is on its way counts for neither. So it must hear something after so many
%% milliseconds: a third of what it would wait, for once lost is not yet late.
-spec tick(http()) -> pos_integer().
tick(#http{listener = #{idle_timeout := Idle, inactivity_timeout := Inactivity}}) ->
    max(1, min(min(Idle, Inactivity), 3 * ?MAX_TICK) div 3).

%% The idle timer of the connection, off while the response is under way, and set as the listener's
%% owner wants it behind that: a connection that is kept alive needs it. On HTTP/2 only that owner
%% can change it.
-spec idle(off | on, http()) -> [tuple()].
idle(_, #http{listener = #{idle_timeout := infinity}}) ->
    [];
idle(_, #http{req = #{version := 'HTTP/2'}}) ->
    [];
idle(off, _) ->
    [{set_options, #{idle_timeout => infinity}}];
idle(on, #http{listener = #{idle_timeout := Idle}}) ->
    [{set_options, #{idle_timeout => Idle}}].

%% Whether a send that took so many milliseconds has failed: Cowboy 2.8 goes on at full speed, to
%% nowhere, when one has timed out, and the only sign of it is the time that passed.
-spec stalled(integer(), http()) -> boolean().
stalled(Took, #http{req = #{version := Version}}) ->
    Version =/= 'HTTP/2' andalso Took >= ?SEND_TIMEOUT.
