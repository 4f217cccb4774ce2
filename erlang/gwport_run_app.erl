%% The process in which an app in Erlang runs, for one request: it calls the app, looks at what that
%% returns, and makes it a response's frames, as a program's are, piece by piece. Whatever it says,
%% and whatever it asks for, goes through the owner of the stream (gwport_run), which ends it when
%% nobody wants its answer any more.
%%
%% A failure of the app's is told in the log without anything that may be somebody's: no values, no
%% arguments, no bodies.
%% @hidden
-module(gwport_run_app).

-export([run/3, break/0, answer/2, close/1]).

-export_type([app/0, from/0]).

-include_lib("kernel/include/logger.hrl").

-type app() :: fun((gwport_environ:environ()) -> Returned :: term()).
-opaque from() :: reference().

%% Pieces of a response, as large as the chunks of a program's; a body of no more is sent at once.
-define(PIECE, 65536).
%% How long a deferred response that says nothing of when is let alone, in milliseconds: at first,
%% and at most.
-define(FIRST_WAIT, 10).
-define(LAST_WAIT, 1000).

-define(NOT_IMPLEMENTED, 501).

-spec run(app(), gwport_environ:request(), Owner :: pid()) -> ok.
run(App, Request, Owner) ->
    Wake = make_ref(),
    told(App, Owner, fun() ->
        case response(App(environ(Request, Wake, Owner)), Wake) of
            {_, _, {_, _, Close}} = Response when is_function(Close, 0) ->
                closed(Close, App, Owner, fun() -> send(Response, Request, Owner) end);
            Response ->
                send(Response, Request, Owner)
        end
    end).

%% Whatever comes of it, the owner hears of an end.
told(App, Owner, Fun) ->
    try Fun()
    catch
        throw:{?MODULE, Why} -> wrong(Why, App, Owner);
        %% What the stream's end makes of whoever asks for more.
        exit:{?MODULE, gone} -> ok;
        exit:{?MODULE, broken_off} -> event({abort, cancelled, <<>>}, Owner);
        Class:Reason:Stack -> failed(Class, Reason, Stack, Owner)
    end.

%% Called in an app's process, for its client to see that the response is not whole, or is none.
-spec break() -> no_return().
break() ->
    exit({?MODULE, broken_off}).

%% The owner calls it, if this process does not live to do it, or is not to.
closed(Close, App, Owner, Fun) ->
    ok = ask({close, Close}, Owner),
    ok = told(App, Owner, Fun),
    ok = ask({close, none}, Owner),
    close(Close).

environ(Request, Wake, Owner) ->
    App = self(),
    (gwport_environ:environ(Request))#{
        <<"gwport.async">> => true,
        %% All of them are of this node.
        <<"gwport.multiprocess">> => false,
        <<"gwport.request">> => {Request, erlang:monotonic_time(millisecond)},
        <<"gwport.input">> => fun(Max) when is_integer(Max), Max > 0 -> ask({read, Max}, Owner) end,
        <<"gwport.errors">> => fun(Text) -> ?LOG_ERROR("~ts", [Text]) end,
        <<"gwport.wake">> => fun() -> App ! {?MODULE, Wake}, ok end
    }.

%% It has begun to answer when it fails, or not; the client sees the difference.
failed(Class, Reason, Stack, Owner) ->
    gwport_failure:report("an app", Class, Reason, Stack),
    event({abort, internal_error, <<>>}, Owner).

wrong(Why, App, Owner) ->
    {module, Module} = erlang:fun_info(App, module),
    {name, Name} = erlang:fun_info(App, name),
    ?LOG_ERROR("gwport: app ~0p:~0p/1 has answered with no response: ~ts", [Module, Name, Why]),
    event({abort, internal_error, <<>>}, Owner).

-spec wrong(string()) -> no_return().
wrong(Why) ->
    throw({?MODULE, Why}).

%% What an app returns

response(Deferred, Wake) when is_function(Deferred, 0) ->
    true = erlang:garbage_collect(),
    deferred(Deferred, ?FIRST_WAIT, Wake);
response(Response, _) ->
    Response.

deferred(Deferred, Wait, Wake) ->
    case Deferred() of
        none ->
            receive {?MODULE, Wake} -> woken(Deferred, Wake)
            after Wait -> deferred(Deferred, min(2 * Wait, ?LAST_WAIT), Wake)
            end;
        wait ->
            receive {?MODULE, Wake} -> woken(Deferred, Wake) end;
        Response ->
            Response
    end.

%% However often.
woken(Deferred, Wake) ->
    receive {?MODULE, Wake} -> woken(Deferred, Wake)
    after 0 -> deferred(Deferred, ?FIRST_WAIT, Wake)
    end.

send({Status, Headers, Body}, Request, Owner) ->
    headed(Status, Headers, Body, Request, Owner);
send(_, _, _) ->
    wrong("expected {Status, Headers, Body}, or a fun of no arguments").

%% Called once, be it here or by the owner.
-spec close(fun(() -> term())) -> ok.
close(Close) ->
    try Close() of
        _ -> ok
    catch
        Class:Reason:Stack ->
            gwport_failure:report("the close of an app's body", Class, Reason, Stack)
    end.

headed(Status, Headers, Body, Request = #{<<"method">> := Method}, Owner) ->
    is_status(Status) orelse
        wrong("expected a status from 200 to 999, or {Status, Reason} with a binary"),
    are_pairs(Headers) orelse wrong("expected headers as a list of {Name, Value}, all binaries"),
    Head = {declining(Status, Request), Headers},
    case gwport_response:head(term_to_binary(Head)) of
        {ok, #{code := Code, length := Length}} ->
            HasBody = gwport_response:has_body(Method, Code),
            body(Body, HasBody, Length, with_length(Code, Length, Body, Head), Owner);
        error ->
            wrong("a reason with a control character, or two lengths")
    end.

is_status({Code, Reason}) -> is_code(Code) andalso is_binary(Reason);
is_status(Code) -> is_code(Code).

is_code(Code) -> is_integer(Code) andalso Code >= 200 andalso Code =< 999.

are_pairs([{Name, Value} | Rest]) when is_binary(Name), is_binary(Value) -> are_pairs(Rest);
are_pairs(Rest) -> Rest =:= [].

%% An extended CONNECT asks for a tunnel, and any 2xx would open one.
declining({Code, _}, #{<<"protocol">> := _}) when Code =< 299 -> ?NOT_IMPLEMENTED;
declining(Code, #{<<"protocol">> := _}) when Code =< 299 -> ?NOT_IMPLEMENTED;
declining(Status, _) -> Status.

%% What is whole has a length, also where it is not sent.
with_length(Code, undefined, Body, {Status, Headers}) when not is_tuple(Body) ->
    case gwport_response:has_body(<<"GET">>, Code) of
        true -> {Status, [{<<"content-length">>, integer_to_binary(length_of(Body))} | Headers]};
        false -> {Status, Headers}
    end;
with_length(_, _, _, Head) ->
    Head.

%% A generator is not asked for what nobody is to see.
body(Body, false, _, {Status, Headers}, Owner) ->
    is_body(Body) orelse wrong(expected_body()),
    event({reply, term_to_binary({Status, Headers, <<>>}), 0}, Owner);
body(Body, true, _, Head, Owner) when is_tuple(Body) ->
    is_body(Body) orelse wrong(expected_body()),
    event({head, term_to_binary(Head)}, Owner),
    blocks(element(1, Body), element(2, Body), Owner);
body(Body, true, Length, {Status, Headers}, Owner) ->
    case length_of(Body) of
        Size when is_integer(Length), Length =/= Size ->
            wrong("its content-length is not that of its body");
        Size when Size =< ?PIECE ->
            event({reply, term_to_binary({Status, Headers, iolist_to_binary(Body)}), Size}, Owner);
        _ ->
            event({head, term_to_binary({Status, Headers})}, Owner),
            pieces(iolist_to_binary(Body), Owner),
            event(fin, Owner)
    end.

is_body({Next, _}) -> is_function(Next, 1);
is_body({Next, _, Close}) -> is_function(Next, 1) andalso is_function(Close, 0);
is_body(Body) -> length_of(Body) >= 0.

expected_body() ->
    "expected a body as iodata, {Next, State} or {Next, State, Close}".

length_of(Body) ->
    try iolist_size(Body)
    catch error:badarg -> wrong(expected_body())
    end.

blocks(Next, State0, Owner) ->
    case Next(State0) of
        {continue, Block, State} ->
            pieces(block(Block), Owner),
            blocks(Next, State, Owner);
        {stop, Block} ->
            pieces(block(Block), Owner),
            event(fin, Owner);
        stop ->
            event(fin, Owner);
        _ ->
            wrong("expected of its body {continue, Block, State}, {stop, Block} or stop")
    end.

block(Block) ->
    try iolist_to_binary(Block)
    catch error:badarg -> wrong("expected of its body blocks that are iodata")
    end.

pieces(<<>>, _) ->
    ok;
pieces(<<Piece:?PIECE/binary, Rest/binary>>, Owner) ->
    event({chunk, Piece}, Owner),
    pieces(Rest, Owner);
pieces(Piece, Owner) ->
    event({chunk, Piece}, Owner).

%% With the owner

event(Event, Owner) ->
    ask({event, Event}, Owner).

ask(What, Owner) ->
    From = erlang:monitor(process, Owner, [{alias, reply_demonitor}]),
    Owner ! {run, From, What},
    receive
        {From, gone} -> exit({?MODULE, gone});
        {From, Answer} -> Answer;
        {'DOWN', From, process, _, _} -> exit({?MODULE, gone})
    end.

%% Called by the owner.
-spec answer(from(), ok | gone | eof | {ok, binary()}) -> ok.
answer(From, Answer) ->
    From ! {From, Answer},
    ok.
