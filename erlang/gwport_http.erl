%% The client's side of an exchange under Cowboy, as far as both mounts share it: what has come of
%% the request's body, which of Cowboy's commands a response is, when a connection may carry no
%% other request, and how it is kept from timing out.
%%
%% The commands are Cowboy's raw ones: cowboy_req:reply/4 and its kin would overwrite a length,
%% refuse a cookie, crash on a 204; the commands behind them do what they are told.
-module(gwport_http).

-export([new/2, received/3, reading/1, expects/1]).
-export([response/2, failure/3, tick/1, idle/2, log_failure/2, stalled/2]).

-export_type([http/0]).

-include_lib("kernel/include/logger.hrl").

-record(http, {
    req :: cowboy_req:req(),
    listener :: gwport_cowboy:listener(),
    %% Whether the client was told to go on, or never asked.
    continued :: boolean(),
    %% Bytes of the request's body, and whether that is all of it.
    received = 0 :: non_neg_integer(),
    complete :: boolean()
}).
-opaque http() :: #http{}.

%% Ranch's send_timeout. Cowboy 2.8 takes no notice when a send has failed for it.
-define(SEND_TIMEOUT, 30000).
-define(MAX_TICK, 60000).

-spec new(cowboy_req:req(), gwport_cowboy:listener()) -> http().
new(Req = #{has_body := HasBody}, Listener) ->
    #http{req = Req, listener = Listener, continued = not gwport_cowboy:expects_continue(Req),
        complete = not HasBody}.

%% A piece of the request's body has come.
-spec received(nofin | fin, binary(), http()) -> http().
received(IsFin, Data, Http = #http{received = Received, complete = Complete}) ->
    Http#http{received = Received + byte_size(Data), complete = Complete orelse IsFin =:= fin}.

%% The body is read: a client that waits for 100 Continue is told to go on.
-spec reading(http()) -> http().
reading(Http) ->
    Http#http{continued = true}.

%% Whether the client still waits to be told.
-spec expects(http()) -> boolean().
expects(#http{continued = Continued, received = Received}) ->
    not Continued andalso Received =:= 0.

%% A command of gwport_stream's to the client, as Cowboy's.
-spec response(Command, http()) -> tuple() when
    Command :: {inform, gwport_response:status(), gwport_response:fields()}
             | {reply, gwport_response:head(), iodata()}
             | {head, gwport_response:head()}
             | {trailers, gwport_response:fields()}.
response({inform, Status, Fields}, _) ->
    {inform, Status, gwport_cowboy:inform_headers(Fields)};
response({reply, Head = #{status := Status}, Body}, Http) ->
    {response, Status, headers(Head, Http), Body};
response({head, Head = #{status := Status}}, Http) ->
    {headers, Status, headers(Head, Http)};
response({trailers, Fields}, _) ->
    {trailers, gwport_cowboy:trailers(Fields)}.

headers(Head = #{headers := Fields, code := Code, length := Length}, Http = #http{req = Req}) ->
    Headers = gwport_cowboy:response_headers(Fields, Req),
    close(is_last(Http) orelse maps:get(close, Head), Req, with_length(Code, Length, Headers)).

with_length(_, undefined, Headers) -> Headers;
with_length(204, _, Headers) -> Headers;
with_length(_, Length, Headers) -> Headers#{<<"content-length">> => integer_to_binary(Length)}.

%% Whether the connection may carry no other request. A client that was never told to go on still
%% owes its body: what follows cannot be told from it. And when a body was long enough for Cowboy's
%% flow control to stop reading the socket, Cowboy 2.8 may not start again after the body's end: the
%% next request would wait for ever.
is_last(#http{continued = false}) ->
    true;
is_last(#http{req = #{body_length := undefined}, complete = Complete, received = Received,
        listener = #{flow := Flow}}) ->
    not Complete orelse Received >= Flow;
is_last(#http{listener = #{flow := Flow}, req = #{body_length := Length}}) ->
    Length > Flow.

close(true, #{version := Version}, Headers) when Version =/= 'HTTP/2' ->
    Headers#{<<"connection">> => <<"close">>};
close(_, _, Headers) ->
    Headers.

%% What a client is told when there is no answer from an app. A body of unknown length that
%% nobody has begun to read counts as long; and where a request that is not valid ends nobody can
%% say.
-spec failure(gwport_status:reason(), opened | unopened, http()) -> tuple().
failure(Reason, Opened, Http = #http{req = Req = #{method := Method}}) ->
    Text = gwport_status:text(Reason),
    Body = case Method of <<"HEAD">> -> <<>>; _ -> Text end,
    Headers = gwport_cowboy:response_headers(gwport_status:headers(Reason), Req),
    Close = Opened =:= unopened andalso is_unknown(Req) orelse Reason =:= bad_request
        orelse is_last(Http),
    {response, gwport_status:status(Reason), close(Close, Req,
        Headers#{<<"content-length">> => integer_to_binary(byte_size(Text))}), Body}.

is_unknown(#{has_body := HasBody, body_length := Length}) ->
    HasBody andalso Length =:= undefined.

-spec log_failure(term(), http()) -> ok.
log_failure(Reason, #http{req = #{method := Method, path := Path}}) ->
    ?LOG_NOTICE("gwport: ~s ~ts ended: ~0p", [Method, gwport_log:printable(Path), Reason]).

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
