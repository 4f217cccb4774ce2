%% A pool's app as an app in Erlang, for middleware to stand around: gwport_gateway:pool/1.
%%
%% It drives an exchange in the process of the app that calls it, and gives what the exchange has
%% for its client piece by piece: the head when it comes, and behind that a block whenever one is
%% asked for. Meanwhile the exchange stands in the dictionary of that process, and the state of the
%% body is its name there. The request's body is read by a process of its own, since this one must
%% hear of a response that comes before the body does.
%%
%% When the calling process is ended, the port, which monitors it, tells the program.
%% @hidden
-module(gwport_run_pool).

-export([app/1]).

-include_lib("kernel/include/logger.hrl").

%% How much of the request's body is read at once.
-define(READ, 65536).

-record(inner, {
    %% Of the messages that are its events.
    tag :: reference(),
    exchange :: gwport_exchange:exchange(),
    input :: fun((pos_integer()) -> term()),
    %% What the exchange has said, and nobody has done.
    commands = [] :: [gwport_exchange:client_command()],
    %% Whether a block has been handed out, and nothing been asked for since.
    is_taking = false :: boolean()
}).

-spec app(gwport_mount_options:mount()) -> gwport_run_app:app().
app(Mount) ->
    fun(Environ) -> call(Environ, Mount) end.

call(Environ = #{<<"gwport.request">> := {Request0, Since}, <<"gwport.input">> := Input}, Mount0) ->
    Mount = within(now_ms() - Since, Request0, Mount0),
    try gwport_environ:request(Environ, Request0) of
        Request -> asked(request(Request, Mount), Input, Mount)
    catch
        error:{bad_environ, Key} -> wrong([gwport_line:text(Key), " of its environ"], Request0)
    end.

asked(Request, Input, Mount) ->
    Tag = make_ref(),
    Exchange = gwport_exchange:open(Request, Mount, Tag, now_ms()),
    headed(next(#inner{tag = Tag, exchange = Exchange, input = Input}), Request).

%% The program hears of what is left of either deadline.
within(Passed, #{<<"timeout">> := Time}, Mount = #{deadline := Deadline}) ->
    Mount#{deadline := min(Deadline, max(1, Time - Passed))};
within(_, _, Mount) ->
    Mount.

%% As a mount would have made it. A connection that might be handed over is not this process's, nor
%% is one that might be given a file.
request(Request, #{app := App, deadline := Deadline}) ->
    Outer = [<<"app">>, <<"timeout">>, <<"upgrade">>, <<"file">>, <<"protocol">>],
    maps:merge(maps:without(Outer, Request),
        maps:from_list([{<<"app">>, App} || App =/= <<>>]
            ++ [{<<"timeout">>, Deadline} || Deadline =/= infinity])).

headed({{reply, Head, Body}, _}, _) ->
    response(Head, Body);
headed({{head, Head}, Inner = #inner{tag = Tag}}, _) ->
    keep(Inner),
    response(Head, {fun block/1, Tag, fun() -> close(Tag) end});
headed({{break, _}, _}, _) ->
    gwport_run_app:break();
%% A client's own has been checked before.
headed({{refuse, bad_request}, _}, Request) ->
    wrong(["its ", part(gwport_exchange:fault(Request))], Request);
headed({{refuse, Reason}, _}, _) ->
    instead(Reason);
headed({{fail, Reason}, _}, Request) ->
    ?LOG_NOTICE("gwport: ~ts ended: ~0p", [name(Request), Reason]),
    instead(Reason).

instead(Reason) ->
    {gwport_status:status(Reason), gwport_status:headers(Reason), gwport_status:text(Reason)}.

wrong(What, Request) ->
    ?LOG_ERROR("gwport: what middleware has made of ~ts cannot be sent to a program: ~ts is wrong",
        [name(Request), What]),
    instead(app_failed).

part({header, Name}) -> ["field ", gwport_line:text(Name)];
part(Part) -> Part.

name(#{<<"method">> := Method, <<"path">> := Path}) ->
    gwport_line:text(<<Method/binary, " ", Path/binary>>).

%% Trailers are not passed on, and so not announced.
response(#{status := Status, code := Code, headers := Headers}, Body) ->
    {status(Status, Code), [{Name, iolist_to_binary(Value)} || {Name, Value} <- Headers,
        Name =/= <<"trailer">>], Body}.

status(Code, Code) -> Code;
status(<<_:3/binary, " ", Reason/binary>>, Code) -> {Code, Reason}.

block(Tag) ->
    Inner = get({?MODULE, Tag}),
    blocked(next(taken(Inner))).

taken(Inner = #inner{is_taking = false}) -> Inner;
taken(Inner) -> event(taken, Inner#inner{is_taking = false}).

blocked({{data, nofin, Data}, Inner = #inner{tag = Tag}}) ->
    keep(Inner#inner{is_taking = true}),
    {continue, Data, Tag};
blocked({{data, fin, Data}, Inner}) ->
    keep(Inner),
    {stop, Data};
blocked({{break, _}, Inner}) ->
    keep(Inner),
    gwport_run_app:break();
%% Behind trailers all is said.
blocked({_, Inner}) ->
    keep(Inner),
    stop.

keep(Inner = #inner{tag = Tag}) ->
    _ = put({?MODULE, Tag}, Inner),
    ok.

%% Of a process that has been ended there is nothing here, and nothing to do.
close(Tag) ->
    case erase({?MODULE, Tag}) of
        undefined -> ok;
        #inner{exchange = Exchange} -> gwport_exchange:close(Exchange)
    end.

%% What the exchange says next, as far as it is of the response.
next(Inner = #inner{commands = []}) ->
    next(wait(Inner));
next(Inner = #inner{commands = [read | Rest]}) ->
    read(Inner),
    next(Inner#inner{commands = Rest});
next(Inner = #inner{commands = [{inform, _, _} | Rest]}) ->
    next(Inner#inner{commands = Rest});
next(Inner = #inner{commands = [Command | Rest]}) ->
    {Command, Inner#inner{commands = Rest}}.

wait(Inner = #inner{tag = Tag, exchange = Exchange}) ->
    receive
        {Tag, {input, {ok, Data}}} -> event({client, nofin, Data}, Inner);
        {Tag, {input, eof}} -> event({client, fin, <<>>}, Inner);
        {Tag, {failed, Class, Reason, Stack}} -> erlang:raise(Class, Reason, Stack);
        {Tag, Event = {gwport, _}} -> event(Event, Inner)
    after gwport_exchange:timeout(now_ms(), Exchange) ->
        event(timeout, Inner)
    end.

event(Event, Inner = #inner{exchange = Exchange0, commands = Before}) ->
    {Commands, Exchange} = gwport_exchange:event(Event, now_ms(), Exchange0),
    Inner#inner{exchange = Exchange, commands = Before ++ Commands}.

%% It is ended with this process. What it fails with is told in this one, as of the app.
read(#inner{tag = Tag, input = Input}) ->
    To = self(),
    _ = spawn_link(fun() ->
        try Input(?READ) of
            Answer -> To ! {Tag, {input, Answer}}
        catch
            Class:Reason:Stack -> To ! {Tag, {failed, Class, Reason, Stack}}
        end
    end),
    ok.

now_ms() ->
    erlang:monotonic_time(millisecond).
