%% What a process of ours says when it fails: what went wrong and where, and never with what. Its
%% state, its messages and the arguments in a stack trace are bodies, cookies and passwords of
%% other people, which the reports of OTP would print.
%%
%% So no failure gets as far as those reports: it is caught, said here, and the process ends with a
%% reason that they keep quiet about. What they print all the same, when such a process is ended from
%% outside or asked for its status, is made empty by status/1 and forget/0.
%% @hidden
-module(gwport_failure).

-export([callback/3, run/2, report/4, tag/1]).
-export([status/1, forget/0]).

-include_lib("kernel/include/logger.hrl").

-type reason() :: {shutdown, {failed, Tag :: atom() | {atom(), atom()}}}.

%% How many callers are named.
-define(DEPTH, 8).

%% A callback of a gen_server: when it fails, the server stops.
-spec callback(Who :: string(), State, fun(() -> Result)) -> Result | {stop, reason(), State}.
callback(Who, State, Fun) ->
    try Fun()
    catch
        Class:Reason:Stack ->
            report(Who, Class, Reason, Stack),
            {stop, reason(Reason), State}
    end.

%% The whole life of a process that is no gen_server. What it exits with on purpose is passed on.
-spec run(Who :: string(), fun(() -> Result)) -> Result.
run(Who, Fun) ->
    try Fun()
    catch
        exit:normal -> exit(normal);
        exit:shutdown -> exit(shutdown);
        Class:Reason:Stack ->
            report(Who, Class, Reason, Stack),
            exit(reason(Reason))
    end.

-spec report(Who :: iodata(), error | exit | throw, term(), list()) -> ok.
report(Who, Class, Reason, Stack) ->
    ?LOG_ERROR("gwport: ~ts failed: ~p ~0p at ~0p", [Who, Class, tag(Reason), where(Stack)]).

reason(Reason) ->
    {shutdown, {failed, tag(Reason)}}.

%% As much of a reason as cannot be anybody's data.
-spec tag(term()) -> atom() | {atom(), atom()}.
tag({shutdown, {failed, Tag}}) -> tag(Tag);
%% As a process that has crashed tells those that are linked to it.
tag({Reason, [{_, _, _, _} | _]}) -> tag(Reason);
tag(Reason) when is_atom(Reason) -> Reason;
tag({Tag, What}) when is_atom(Tag), is_atom(What) -> {Tag, What};
tag(Reason) when is_tuple(Reason), tuple_size(Reason) > 0, is_atom(element(1, Reason)) ->
    element(1, Reason);
tag(_) -> other.

where(Stack) ->
    [{Module, Function, arity(Args), proplists:get_value(line, Location, 0)}
        || {Module, Function, Args, Location} <- lists:sublist(Stack, ?DEPTH)].

arity(Args) when is_list(Args) -> length(Args);
arity(Arity) -> Arity.

%% The format_status/1 of a gen_server.
-spec status(gen_server:format_status()) -> gen_server:format_status().
status(Status) ->
    maps:map(fun hidden/2, Status).

hidden(state, _) -> hidden;
hidden(message, _) -> hidden;
hidden(log, _) -> [];
hidden(reason, Reason) -> hidden_reason(Reason);
hidden(_, Value) -> Value.

hidden_reason({Reason, Stack = [{_, _, _, _} | _]}) -> {tag(Reason), where(Stack)};
hidden_reason(Reason) -> tag(Reason).

%% The last act of a gen_server: what waits for it is not printed when it ends.
-spec forget() -> ok.
forget() ->
    _ = process_flag(sensitive, true),
    flush().

flush() ->
    receive _ -> flush()
    after 0 -> ok
    end.
