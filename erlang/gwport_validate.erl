%% @doc Middleware that holds both sides of itself to the gateway's rules (SPEC.md, section 19).
%%
%% ```
%% gwport_gateway:chain(fun shop:app/1, [gwport_validate:middleware([])])
%% '''
%%
%% To the one side it looks at the environ that an app is called with, at what its input gives, and
%% at how its response's body is asked for and closed; to the other at what the app asks of its
%% input, what it writes to its errors, and what it returns. It changes nothing of either, and hands
%% each block on as it comes. What it finds is told at once.
%%
%% It is for development, where the mount's option `validate' puts it in front of an app.
-module(gwport_validate).

-export([middleware/1, format/1, json/1]).
-export([app/1]).

-include_lib("kernel/include/logger.hrl").

%% What several processes know of one request: whether its response is over, how much of the input
%% was read and whether that has ended, whether the body was closed or has ended, its bytes, and how
%% many findings were told.
-define(OVER, 1).
-define(READ, 2).
-define(EOF, 3).
-define(CLOSED, 4).
-define(ENDED, 5).
-define(SENT, 6).
-define(TOLD, 7).
%% So many of one request are told.
-define(MAX_FINDINGS, 64).
%% How long a body may stay open when the process that was given it has ended, in milliseconds. The
%% process that started that one is to close it, and where it ends too nothing is waited for.
-define(GRACE, 5000).

-record(check, {
    options :: gwport_mount_options:validation(),
    app :: gwport_run_app:app(),
    environ :: gwport_gateway:environ(),
    marks :: atomics:atomics_ref(),
    %% Of the response's body: whether any of it is to be sent, and the length that was told.
    has_body = true :: boolean(),
    expected :: undefined | non_neg_integer()
}).

%% @doc Middleware with options, a map, a keyword list or a property list: `exclude', a list of
%% names of rules, each an id (`<<"response.header.once">>'), the beginning of one up to a dot, or
%% `*'; and `report', which is `log' (the default), a fun that is given each finding, or `fail': then
%% each is logged, and one whose severity is error fails, which is 500 where no head has been sent.
%% A wrong option is an error `gwport_options:error()'.
-spec middleware(gwport:validate_options()) -> gwport_gateway:middleware().
middleware(Given) ->
    case gwport_mount_options:validation(Given) of
        {ok, Options} -> fun(App) -> around(App, Options) end;
        {error, Error} -> error(Error)
    end.

%% @doc A finding in one line.
-spec format(gwport_finding:finding()) -> binary().
format(Finding) ->
    gwport_finding:format(Finding).

%% @doc A finding as an object of JSON.
-spec json(gwport_finding:finding()) -> binary().
json(Finding) ->
    gwport_finding:json(Finding).

%% @private The app of a mount.
-spec app(gwport_mount_options:mount()) -> gwport_run_app:app().
app(#{run := App, validate := false}) -> App;
app(#{run := App, validate := Options}) -> around(App, Options).

around(App, Options = #{exclude := Names}) ->
    case lists:member(<<"*">>, Names) of
        true -> App;
        false -> around_with(App, Options)
    end.

around_with(App, Options) ->
    fun(Environ) ->
        Check = #check{options = Options, app = App, environ = Environ,
            marks = atomics:new(?TOLD, [])},
        found(gwport_validate_environ:breaches(Environ), Check),
        result(App(watched(Environ, Check)), Check)
    end.

%% What the app is given

watched(Environ, Check) ->
    maps:map(fun
        (<<"gwport.input">>, Input) when is_function(Input, 1) -> input(Input, Check);
        (<<"gwport.errors">>, Errors) when is_function(Errors, 1) -> errors(Errors, Check);
        (_, Value) -> Value
    end, Environ).

input(Input, Check) ->
    Length = request_length(Check),
    fun(Max) ->
        IsGood = is_integer(Max) andalso Max > 0,
        must(IsGood, <<"input.read.size">>, "the input", gwport_finding:kind(Max), Check),
        must(not is_marked(?OVER, Check), <<"input.read.late">>, "the input", "a read", Check),
        Answer = Input(Max),
        _ = [read(Answer, Max, Length, Check) || IsGood],
        Answer
    end.

request_length(#check{environ = #{<<"CONTENT_LENGTH">> := Length}}) ->
    gwport_validate_head:content_length([{<<"content-length">>, Length}]);
request_length(_) ->
    undefined.

read({ok, Bytes}, Max, Length, Check = #check{marks = Marks})
        when is_binary(Bytes), Bytes =/= <<>>, byte_size(Bytes) =< Max ->
    Size = byte_size(Bytes),
    Read = atomics:add_get(Marks, ?READ, Size),
    must(not is_marked(?EOF, Check), <<"input.ended">>, "the input",
        gwport_finding:bytes(Bytes), Check),
    must(not is_beyond(Read, Size, Length), <<"input.length">>, "the input",
        [integer_to_binary(Read), " bytes"], Check);
read(eof, _, Length, Check = #check{marks = Marks}) ->
    WasEnded = atomics:exchange(Marks, ?EOF, 1) =:= 1,
    Read = atomics:get(Marks, ?READ),
    must(WasEnded orelse Length =:= undefined orelse Read >= Length, <<"input.length">>,
        "the input", ["its end behind ", integer_to_binary(Read), " bytes"], Check);
read({ok, Bytes}, _, _, Check) ->
    found(<<"input.bytes">>, "the input", gwport_finding:kind(Bytes), Check);
read(Answer, _, _, Check) ->
    found(<<"input.bytes">>, "the input", gwport_finding:kind(Answer), Check).

%% Whether these are the first bytes that are too many.
is_beyond(_, _, undefined) -> false;
is_beyond(Total, Size, Length) -> Total > Length andalso Total - Size =< Length.

errors(Errors, Check) ->
    fun(Text) ->
        must(is_text(Text), <<"errors.text">>, "the errors", gwport_finding:kind(Text), Check),
        Errors(Text)
    end.

is_text(Text) ->
    try is_binary(unicode:characters_to_binary(Text))
    catch error:badarg -> false
    end.

%% What it returns

result(Deferred, Check = #check{environ = Environ}) when is_function(Deferred, 0) ->
    must(maps:get(<<"gwport.async">>, Environ, false) =:= true, <<"deferred.allowed">>,
        "the result", "a deferred response", Check),
    fun() -> deferred(Deferred(), Check) end;
result(Result, Check) ->
    response(Result, <<"response.shape">>, Check).

deferred(none, _) ->
    none;
deferred(wait, _) ->
    wait;
deferred(Again, Check) when is_function(Again, 0) ->
    found(<<"deferred.once">>, "the deferred response", gwport_finding:kind(Again), Check),
    Again;
deferred(Response, Check) ->
    response(Response, <<"deferred.answer">>, Check).

%% A status is no list, and headers are no number: three elements may be in another order.
response({Status, Headers, Body}, _, Check) when not is_list(Status), not is_integer(Headers) ->
    Code = gwport_validate_head:code(Status),
    HasBody = not (is_head(Check) orelse gwport_validate_head:is_empty(Code)),
    Size = size_of(Body),
    #check{environ = Environ} = Check,
    Breaches = gwport_validate_head:breaches(Status, Headers, Size =:= undefined orelse Size > 0,
        maps:get(<<"gwport.url_scheme">>, Environ, none)),
    try found(Breaches, Check)
    catch error:Failed = {?MODULE, _} -> dropped(Body), error(Failed)
    end,
    Known = Check#check{has_body = HasBody,
        expected = gwport_validate_head:content_length(Headers)},
    {Status, Headers, body(Body, Size, gwport_validate_head:is_empty(Code), Known)};
response(Response, Id, Check) ->
    found(Id, "the result", gwport_finding:kind(Response), Check),
    Response.

%% Nobody is given it.
dropped({_, _, Close}) when is_function(Close, 0) -> gwport_run_app:close(Close);
dropped(_) -> ok.

is_head(#check{environ = Environ}) ->
    maps:get(<<"REQUEST_METHOD">>, Environ, none) =:= <<"HEAD">>.

%% Of a body that is whole.
size_of(Body) when is_tuple(Body) ->
    undefined;
size_of(Body) ->
    try iolist_size(Body)
    catch error:badarg -> 0
    end.

body({Next, State}, _, _, Check) when is_function(Next, 1) ->
    {next(Next, Check), State};
body({Next, State, Close}, _, _, Check) when is_function(Next, 1), is_function(Close, 0) ->
    {next(Next, Check), State, closing(Close, Check)};
body(Body, Size, IsEmpty, Check = #check{marks = Marks}) ->
    ok = atomics:put(Marks, ?OVER, 1),
    whole(is_iodata(Body), Body, Size, IsEmpty, Check),
    Body.

whole(false, Body, _, _, Check) ->
    found(<<"body.shape">>, "the body", gwport_finding:kind(Body), Check);
whole(true, _, Size, true, Check) ->
    must(Size =:= 0, <<"body.none">>, "the body", [integer_to_binary(Size), " bytes"], Check);
whole(true, _, Size, false, Check = #check{has_body = HasBody, expected = Expected}) ->
    must(not HasBody orelse Expected =:= undefined orelse Size =:= Expected, <<"body.length">>,
        "the body", [integer_to_binary(Size), " bytes"], Check).

is_iodata(Data) ->
    try iolist_size(Data) >= 0
    catch error:badarg -> false
    end.

next(Next, Check = #check{has_body = HasBody}) ->
    fun(State) ->
        _ = case {is_marked(?CLOSED, Check), is_marked(?ENDED, Check), HasBody} of
            {true, _, _} -> found(<<"body.read.closed">>, "the body", "it was asked", Check);
            {_, true, _} -> found(<<"body.read.ended">>, "the body", "it was asked", Check);
            {_, _, false} -> found(<<"body.read.none">>, "the body", "it was asked", Check);
            _ -> ok
        end,
        Answer = Next(State),
        answered(Answer, Check),
        Answer
    end.

answered({continue, Block, _}, Check) ->
    block(is_iodata(Block), Block, Check);
answered({stop, Block}, Check) ->
    block(is_iodata(Block), Block, Check),
    ended(Check);
answered(stop, Check) ->
    ended(Check);
answered(Answer, Check) ->
    found(<<"body.block">>, "the body", gwport_finding:kind(Answer), Check).

block(false, Block, Check) ->
    found(<<"body.block">>, "the body", ["as a block ", gwport_finding:kind(Block)], Check);
block(true, Block, Check = #check{marks = Marks, expected = Expected}) ->
    Size = iolist_size(Block),
    Sent = atomics:add_get(Marks, ?SENT, Size),
    must(not is_beyond(Sent, Size, Expected), <<"body.length">>, "the body",
        [integer_to_binary(Sent), " bytes"], Check).

ended(Check = #check{marks = Marks, has_body = HasBody, expected = Expected}) ->
    ok = atomics:put(Marks, ?OVER, 1),
    WasEnded = atomics:exchange(Marks, ?ENDED, 1) =:= 1,
    Sent = atomics:get(Marks, ?SENT),
    must(WasEnded orelse not HasBody orelse Expected =:= undefined orelse Sent >= Expected,
        <<"body.length">>, "the body", ["its end behind ", integer_to_binary(Sent), " bytes"],
        Check).

%% Its end

closing(Close, Check = #check{marks = Marks}) ->
    Watcher = watcher(Check),
    fun() ->
        ok = atomics:put(Marks, ?OVER, 1),
        WasClosed = atomics:exchange(Marks, ?CLOSED, 1) =:= 1,
        Watcher ! {?MODULE, closed},
        _ = [told(<<"body.close.once">>, "the body", "it was closed again", Check) || WasClosed],
        try Close()
        catch Class:Reason:Stack ->
            told(<<"body.close.fails">>, "the body", atom_to_binary(Class), Check),
            erlang:raise(Class, Reason, Stack)
        end
    end.

%% Looks whether the body is closed when the process that was given it has ended. Whoever started
%% that one, as a gateway does for each request, may do it then.
watcher(Check) ->
    App = self(),
    {parent, Parent} = erlang:process_info(App, parent),
    spawn(fun() ->
        AppEnds = erlang:monitor(process, App),
        ParentEnds = [erlang:monitor(process, Parent) || is_pid(Parent)],
        receive
            {?MODULE, closed} -> ok;
            {'DOWN', AppEnds, process, _, _} -> left(ParentEnds, Check)
        end
    end).

left(ParentEnds, Check) ->
    receive
        {?MODULE, closed} -> ok;
        {'DOWN', Ends, process, _, _} when [Ends] =:= ParentEnds -> left_open(Check)
    after ?GRACE ->
        left_open(Check)
    end.

left_open(Check) ->
    case is_marked(?CLOSED, Check) of
        true -> ok;
        false -> told(<<"body.close.there">>, "the body", "it was left open", Check)
    end.

%% Findings

is_marked(Mark, #check{marks = Marks}) ->
    atomics:get(Marks, Mark) =:= 1.

must(true, _, _, _, _) -> ok;
must(false, Id, Where, Seen, Check) -> found(Id, Where, Seen, Check).

found(Breaches, Check) ->
    lists:foreach(fun({Id, Where, Seen}) -> found(Id, Where, Seen, Check) end, Breaches).

found(Id, Where, Seen, Check = #check{options = #{report := Report}}) ->
    case told(Id, Where, Seen, Check) of
        error when Report =:= fail -> error({?MODULE, binary_to_atom(Id)});
        _ -> ok
    end.

%% What is found when a response is over fails nobody. Returns how severe it is.
told(Id, Where, Seen, Check = #check{options = #{exclude := Names}}) ->
    case lists:any(fun(Name) -> gwport_rules:is_named(Name, Id) end, Names) of
        true -> none;
        false -> told(gwport_rules:find(Id), {Id, Where, Seen}, Check)
    end.

told(Rule = #{severity := Severity}, Breach, Check) ->
    #check{options = #{report := Report}, marks = Marks} = Check,
    _ = [report(Report, gwport_finding:new(Rule, Breach, of_request(Check)))
        || atomics:add_get(Marks, ?TOLD, 1) =< ?MAX_FINDINGS],
    Severity.

report(Report, Finding) when is_function(Report, 1) ->
    try Report(Finding) of
        _ -> ok
    catch
        Class:Reason:Stack -> gwport_failure:report("a report of findings", Class, Reason, Stack)
    end;
report(_, Finding = #{severity := Severity}) ->
    ?LOG(Severity, "gwport: ~ts", [format(Finding)], #{gwport_finding => Finding}).

of_request(#check{environ = Environ, app = App}) ->
    Raw = <<(part(<<"gwport.script_name">>, Environ))/binary,
        (part(<<"gwport.path_info">>, Environ))/binary>>,
    Path = <<(part(<<"SCRIPT_NAME">>, Environ))/binary, (part(<<"PATH_INFO">>, Environ))/binary>>,
    #{method => shown(part(<<"REQUEST_METHOD">>, Environ)), path => shown(path(Raw, Path)),
        app => name(App)}.

path(<<>>, Path) -> Path;
path(Raw, _) -> Raw.

shown(Text) ->
    iolist_to_binary(gwport_finding:name(Text)).

part(Key, Environ) ->
    case Environ of
        #{Key := Value} when is_binary(Value) -> Value;
        #{} -> <<>>
    end.

name(App) ->
    {module, Module} = erlang:fun_info(App, module),
    {name, Name} = erlang:fun_info(App, name),
    iolist_to_binary(io_lib:format("~0p:~0p/1", [Module, Name])).
