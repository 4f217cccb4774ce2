%% A response as Cowboy's commands, and whether its connection may carry another request behind it,
%% which is a matter of what has come of this one's body.
%%
%% The commands are Cowboy's raw ones: cowboy_req:reply/4 and its kin would overwrite a length,
%% refuse a cookie, crash on a 204; the commands behind them do what they are told.
%% @hidden
-module(gwport_cowboy_response).

-export([new/2, received/3, taken/2, reading/1]).
-export([command/2, failure/2, others/2, left/1, inform_headers/1]).

-export_type([response/0]).

-record(response, {
    req :: cowboy_req:req(),
    listener :: gwport_cowboy_listener:listener(),
    %% Whether the client was told to go on, or never asked.
    continued :: boolean(),
    %% Bytes of the request's body that have come, and that were asked for; whether its end has
    %% come.
    received = 0 :: non_neg_integer(),
    taken = 0 :: non_neg_integer(),
    complete :: boolean(),
    %% Whether a head went out, and whether it said that the connection ends with it; and whether
    %% it had no length.
    headed = false :: boolean(),
    last = false :: boolean(),
    unmeasured = false :: boolean(),
    %% Whether it has made a tunnel of a stream of HTTP/2.
    tunnel = false :: boolean()
}).
-opaque response() :: #response{}.

%% What is taken of a body behind its response, so that the next request on the connection can be
%% found: bytes (net/http's number), and milliseconds.
-define(MAX_DISCARD, 262144).
-define(DISCARD_TIME, 30000).

-spec new(cowboy_req:req(), gwport_cowboy_listener:listener()) -> response().
new(Req = #{has_body := HasBody}, Listener) ->
    #response{req = Req, listener = Listener, complete = not HasBody,
        continued = not gwport_cowboy_request:expects_continue(Req)}.

%% A piece of the request's body has come.
-spec received(nofin | fin, binary(), response()) -> response().
received(IsFin, Data, Response = #response{received = Received, complete = Complete}) ->
    Response#response{received = Received + byte_size(Data),
        complete = Complete orelse IsFin =:= fin}.

%% It goes on to the app, or could.
-spec taken(binary(), response()) -> response().
taken(Data, Response = #response{taken = Taken}) ->
    Response#response{taken = Taken + byte_size(Data)}.

%% The body is read: whether a client has to be told to go on with it.
-spec reading(response()) -> {boolean(), response()}.
reading(Response = #response{continued = Continued, received = Received, headed = Headed}) ->
    {not Continued andalso Received =:= 0 andalso not Headed, Response#response{continued = true}}.

%% What gwport_exchange has for the client, as Cowboy's.
-spec command(Command, response()) -> {tuple(), response()} when
    Command :: {inform, gwport_response:status(), gwport_response:fields()}
             | {reply, gwport_response:head(), iodata()}
             | {head, gwport_response:head()}
             | {trailers, gwport_response:fields()}.
command({inform, Status, Fields}, Response) ->
    {{inform, Status, inform_headers(Fields)}, Response};
command({reply, Head = #{status := Status, close := Close}, Body}, Response0) ->
    Response = head(Close orelse ends(Response0), Response0),
    {{response, Status, headers(Head, Response), Body}, Response};
%% An app that has begun to answer may read on.
command({head, Head}, Response0) ->
    #{status := Status, code := Code, close := Close, length := Length} = Head,
    Response = head(Close orelse is_unsure(Response0) orelse is_deaf(Response0),
        Response0#response{unmeasured = Length =:= undefined,
            tunnel = Code =< 299 andalso is_connect(Response0)}),
    {{headers, Status, announced(headers(Head, Response), Response)}, Response};
command({trailers, Fields}, Response) ->
    {{trailers, trailers(Fields, Response)}, Response}.

is_connect(#response{req = Req}) -> is_map_key(protocol, Req).

headers(#{headers := Fields, code := Code, length := Length}, Response = #response{req = Req}) ->
    close(Response, with_length(Code, Length, response_headers(Fields, Req))).

with_length(_, undefined, Headers) -> Headers;
with_length(204, _, Headers) -> Headers;
with_length(_, Length, Headers) -> Headers#{<<"content-length">> => integer_to_binary(Length)}.

%% Fields of a checked response as Cowboy's raw commands want them: a map, cookies as a list, date
%% and server added. A `date` that is there but empty means that none is wanted. What middlewares
%% before us have set on the request goes along.
response_headers(Fields, Req) ->
    Headers = fields(Fields, set_before(Req,
        #{<<"date">> => cowboy_clock:rfc1123(), <<"server">> => <<"Cowboy">>})),
    empty(<<"date">>, empty(<<"server">>, cookies(cookies_before(Req), Headers))).

set_before(#{resp_headers := Before}, Headers) -> maps:merge(Before, Headers);
set_before(_, Headers) -> Headers.

cookies_before(#{resp_cookies := Before}) -> maps:values(Before);
cookies_before(_) -> [].

%% Over those that are there.
fields(Fields, Headers) ->
    case maps:from_list(Fields) of
        New = #{<<"set-cookie">> := _} ->
            cookies([Value || {<<"set-cookie">>, Value} <- Fields],
                maps:merge(Headers, maps:remove(<<"set-cookie">>, New)));
        New ->
            maps:merge(Headers, New)
    end.

cookies([], Headers) ->
    Headers;
cookies(Cookies, Headers) ->
    Headers#{<<"set-cookie">> => maps:get(<<"set-cookie">>, Headers, []) ++ Cookies}.

empty(Name, Headers) ->
    case Headers of
        #{Name := <<>>} -> maps:remove(Name, Headers);
        #{} -> Headers
    end.

%% Those of an informational response, to which nothing is added.
-spec inform_headers(gwport_response:fields()) -> map().
inform_headers(Fields) ->
    fields(Fields, #{}).

%% Cowboy drops `trailer` where it would drop the trailers, and knows it by its lower case.
announced(Headers = #{<<"trailer">> := Names}, Response) ->
    case trails_past_cowboy(Response) of
        no -> Headers;
        Fate ->
            ending(Fate, Response, (maps:remove(<<"trailer">>, Headers))#{<<"Trailer">> => Names})
    end;
announced(Headers, _) ->
    Headers.

ending(close, #response{last = false}, Headers) -> gwport_trailers:mark(ends, Headers);
ending(_, _, Headers) -> Headers.

trailers(Fields, Response = #response{req = Req}) ->
    Trailers = maps:from_list([{Name, iolist_to_binary(Value)} || {Name, Value} <- Fields]),
    case {Fields, trails_past_cowboy(Response)} of
        {[], _} -> Trailers;
        {_, no} -> Trailers;
        {_, Fate} -> gwport_trailers:mark({fate(Fate, Response),
            maps:get(proxy_header, Req, undefined)}, Trailers)
    end.

%% Whether the body is in chunks and its trailers are for gwport_trailers, and what becomes of the
%% connection then.
trails_past_cowboy(#response{unmeasured = true, listener = #{trailers := Fate},
        req = #{version := 'HTTP/1.1', headers := Headers}}) ->
    case Headers of
        #{<<"te">> := Te} -> past(takes_trailers(Te), Fate);
        #{} -> Fate
    end;
trails_past_cowboy(_) ->
    no.

past(true, _) -> no;
past(false, Fate) -> Fate.

%% As Cowboy reads it.
takes_trailers(Te) ->
    try cow_http_hd:parse_te(Te) of
        {trailers, _} -> true;
        _ -> false
    catch
        _:_ -> false
    end.

%% Cowboy's place in the request's body is lost with the connection.
fate(keep, Response = #response{complete = true, last = false}) ->
    case left(Response) =:= stop andalso not is_closing(Response) of
        true -> keep;
        false -> close
    end;
fate(_, _) ->
    close.

%% It ends an HTTP/1.1 connection, or not.
head(Last, Response = #response{req = #{version := Version}}) ->
    Response#response{headed = true, last = Last andalso Version =/= 'HTTP/2'}.

%% `upgrade` is a field of the connection, and is named as one (RFC 9110, 7.8); HTTP/2 has none.
close(#response{req = #{version := 'HTTP/2'}}, Headers) ->
    maps:remove(<<"upgrade">>, Headers);
close(#response{last = Last}, Headers) ->
    case {Last, Headers} of
        {true, #{<<"upgrade">> := _}} -> Headers#{<<"connection">> => <<"close, upgrade">>};
        {true, _} -> Headers#{<<"connection">> => <<"close">>};
        {false, #{<<"upgrade">> := _}} -> Headers#{<<"connection">> => <<"upgrade">>};
        {false, _} -> Headers
    end.

%% Whether the connection may carry no other request once the app has done with this one, since too
%% much of its body is left.
ends(Response) ->
    is_unsure(Response) orelse is_deaf(Response) orelse left_of(Response) > ?MAX_DISCARD.

%% Of a body of unknown length, as far as it has come.
left_of(#response{req = #{body_length := undefined}, received = Received, taken = Taken}) ->
    Received - Taken;
left_of(#response{req = #{body_length := Length}, taken = Taken}) ->
    Length - Taken.

%% Whether what comes next cannot be told from the body. A client that was never told to go on still
%% owes it, and may or may not send it; where it has sent it unasked, the connection ends as well,
%% because only one of the two mounts would know. One of HTTP/1.0 may take the end of the connection
%% for that of the response.
is_unsure(#response{continued = false}) -> true;
is_unsure(#response{complete = true}) -> false;
is_unsure(#response{req = #{version := Version}}) -> Version =:= 'HTTP/1.0'.

%% Whether Cowboy may have stopped reading the socket before the body's end came, and not know of
%% it: see gwport_cowboy_listener:of_request/1.
is_deaf(#response{req = #{body_length := undefined}, received = Received,
        listener = #{heard := Heard}, complete = Complete}) ->
    Complete andalso Received >= Heard;
is_deaf(#response{req = #{body_length := Length}, listener = #{heard := Heard}}) ->
    Length > Heard.

%% What is to be done when the response is over: `stop`; or take what is left of the body from the
%% client, if it is no more than so many bytes and comes in so many milliseconds; or cut the
%% connection. A stream of HTTP/2 that stops while its client may still send is reset, and what Cowboy
%% had to keep of the response comes behind that, for nobody: a tunnel, which both sides close, waits
%% for the other one. A stream of HTTP/1.1 that stops before its body has come is a trap: Cowboy before
%% 2.13 does not look at what stands behind such a body, be it a whole request, until more comes.
-spec left(response()) ->
    stop | {discard, Bytes :: non_neg_integer(), Milliseconds :: pos_integer()} | cut.
left(#response{req = #{version := 'HTTP/2'}, tunnel = true, complete = false}) ->
    {discard, ?MAX_DISCARD, ?DISCARD_TIME};
left(#response{req = #{version := 'HTTP/2'}}) -> stop;
left(#response{last = true}) -> stop;
left(Response = #response{complete = true}) ->
    case is_deaf(Response) of
        true -> cut;
        false -> stop
    end;
left(Response = #response{received = Received, taken = Taken}) ->
    Most = min(?MAX_DISCARD - (Received - Taken), most_heard(Response)),
    case {left_of(Response) > ?MAX_DISCARD orelse Most < 0, is_closing(Response)} of
        {true, _} -> cut;
        {false, true} -> stop;
        {false, false} -> {discard, Most, ?DISCARD_TIME}
    end.

%% Of a body whose length was known the response has said before what will be.
most_heard(#response{req = #{body_length := undefined}, received = Received,
        listener = #{heard := Heard}}) when is_integer(Heard) ->
    Heard - 1 - Received;
most_heard(_) ->
    infinity.

%% The client has said so itself.
is_closing(#response{req = #{headers := Headers}}) ->
    Connection = maps:get(<<"connection">>, Headers, <<>>),
    lists:member(<<"close">>, gwport_response:options(Connection)).

%% What a client is told when there is no answer from an app. Where a request ends that is not
%% valid, nobody can say; and a body that comes too slowly is not waited for.
-spec failure(gwport_status:reason(), response()) -> {tuple(), response()}.
failure(Reason, Response0 = #response{req = Req = #{method := Method}}) ->
    Text = gwport_status:text(Reason),
    Body = case Method of <<"HEAD">> -> <<>>; _ -> Text end,
    Headers = response_headers(gwport_status:headers(Reason), Req),
    IsLast = Reason =:= bad_request orelse Reason =:= slow_body,
    Response = head(IsLast orelse ends(Response0), Response0),
    {{response, gwport_status:status(Reason), close(Response,
        Headers#{<<"content-length">> => integer_to_binary(byte_size(Text))}), Body}, Response}.

%% A whole response that somebody else has made.
-spec others({response, term(), map(), term()}, response()) -> {tuple(), response()}.
others({response, Status, Headers, Body}, Response0) ->
    Response = head(ends(Response0), Response0),
    {{response, Status, close(Response, Headers), Body}, Response}.
