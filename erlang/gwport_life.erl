%% What the log says of a program's life: that it is up, that it drains, that it is gone and why; and
%% the events [gwport, port, up] and [gwport, port, down].
%% @hidden
-module(gwport_life).

-export([began/1, up/2, drains/2, is_ended/3, gone/3, ended/4, lived/1]).

-export_type([life/0]).

-include_lib("kernel/include/logger.hrl").

-record(life, {
    pool :: atom(),
    %% Not known of one that had ended before it could be asked for.
    os_pid :: pos_integer() | undefined,
    since :: integer(),
    %% What it calls itself, when it has greeted.
    name = <<>> :: binary(),
    %% Why it drains.
    accord = told :: told | replaced | recycled | own_accord
}).
-opaque life() :: #life{}.

-type counts() :: #{in_flight := integer(), served := integer(), _ => _}.

%% Called by the owner of its port, whose events name pool and program from now on.
-spec began(#{name := atom(), os_pid := pos_integer() | undefined}) -> life().
began(#{name := Pool, os_pid := OsPid}) ->
    logger:update_process_metadata(metadata(Pool, OsPid)),
    #life{pool = Pool, os_pid = OsPid, since = now_ms()}.

metadata(Pool, undefined) -> #{pool => Pool};
metadata(Pool, OsPid) -> #{pool => Pool, os_pid => OsPid}.

%% It has greeted.
-spec up(#{name := binary(), program_version := binary(), _ => _}, life()) -> life().
up(#{name := Name, program_version := Version}, Life) ->
    Life1 = Life#life{name = iolist_to_binary(lists:join($\s,
        [gwport_line:text(Text) || Text <- [Name, Version], Text =/= <<>>]))},
    gwport_count:program(up, Life#life.pool),
    gwport_telemetry:look(),
    gwport_telemetry:event([port, up], #{duration => native(lived(Life1))}, about(Life1)),
    ?LOG_NOTICE("gwport: ~ts is up, ready after ~b ms", [whose(Life1), lived(Life1)]),
    Life1.

%% It takes no more requests.
-spec drains(told | replaced | {recycled, Why :: binary()} | itself, {counts(), life()}) -> life().
drains(Who, {#{in_flight := InFlight, served := Served}, Life}) ->
    ?LOG_NOTICE("gwport: ~ts ~s: ~b requests under way, ~b answered",
        [whose(Life), accord(Who), InFlight, Served]),
    Life#life{accord = counted_as(Who)}.

counted_as({recycled, _}) -> recycled;
counted_as(itself) -> own_accord;
counted_as(Who) -> Who.

accord(told) -> "drains, as it was told to";
accord(replaced) -> "is replaced, and drains";
accord({recycled, Why}) -> ["is recycled, because ", Why, ", and drains"];
accord(itself) -> "drains, of its own accord".

%% It has not ended by itself, or not when it was asked to, within so many milliseconds.
-spec is_ended(term | kill, Ms :: non_neg_integer(), life()) -> ok.
is_ended(term, Ms, Life) ->
    ?LOG_WARNING("gwport: ~ts has not ended within ~b ms; it is sent SIGTERM", [whose(Life), Ms]);
is_ended(kill, Ms, Life) ->
    ?LOG_WARNING("gwport: ~ts has not ended within ~b ms of SIGTERM; it is killed",
        [whose(Life), Ms]).

%% Ended: in which phase and for what reason; `undefined` where its port was stopped.
-spec gone(undefined | {While :: atom(), Reason :: term()}, unknown | non_neg_integer(),
    {counts(), life()}) -> ok.
gone(undefined, Status, About = {_, #life{accord = Accord}}) ->
    ends(drained, Accord, Status, About),
    is_gone("its port was stopped", Status, About);
gone({draining, closed}, Status, About = {_, #life{accord = Accord}}) ->
    ends(drained, Accord, Status, About),
    is_gone("it has drained", Status, About);
gone({_, stopped}, Status, About = {_, #life{accord = Accord}}) ->
    ends(drained, Accord, Status, About),
    is_gone("it was stopped before it was ready", Status, About);
%% What it did is in the log already.
gone(Ended = {_, {Said, Name}}, Status, About) when Said =:= wire_fault; Said =:= fault ->
    ends(failed, failed_by(Ended, Status), Status, About),
    is_gone(Name, Status, About);
gone(Ended = {While, Reason}, Status, About = {#{served := Served}, Life}) ->
    ends(failed, failed_by(Ended, Status), Status, About),
    ?LOG_ERROR("gwport: ~ts ended while ~s: ~s, exit status ~s; ~b requests answered in ~s",
        [whose(Life), While, why(Reason), exit_status(Status), Served, duration(lived(Life))]).

failed_by({_, {Part, _}}, _) when Part =:= owner_failed; Part =:= watch; Part =:= writer ->
    port_failed;
failed_by({greeting, _}, _) -> not_ready;
failed_by({_, {wire_fault, failed}}, _) -> unresponsive;
failed_by({_, {wire_fault, _}}, _) -> broke_wire;
failed_by({_, {fault, _}}, _) -> gave_up;
failed_by({_, timeout}, _) -> drain_timeout;
failed_by(_, Status) when is_integer(Status), Status > 128 -> signal;
failed_by(_, _) -> exited.

ends(How, Why, Status, {#{served := Served}, Life = #life{pool = Pool}}) ->
    gwport_count:program(How, Pool),
    gwport_count:ended(Why, Pool),
    gwport_telemetry:event([port, down], #{duration => native(lived(Life)), served => Served},
        (about(Life))#{reason => How, why => Why, exit_status => Status}).

about(#life{pool = Pool, os_pid = OsPid, name = Name}) ->
    #{pool => Pool, os_pid => OsPid, program => Name}.

native(Ms) ->
    erlang:convert_time_unit(Ms, millisecond, native).

is_gone(Why, Status, {#{served := Served}, Life}) ->
    ?LOG_NOTICE("gwport: ~ts is gone: ~s, exit status ~s; ~b requests answered in ~s",
        [whose(Life), Why, exit_status(Status), Served, duration(lived(Life))]).

%% Why it has ended, in words. Command is its file, Fault the sentence that was said of it.
-spec ended(undefined | {While :: atom(), Reason :: term()}, unknown | non_neg_integer(),
    Command :: file:filename(), Fault :: binary()) -> binary().
ended(undefined, _, _, _) ->
    <<"its port was stopped">>;
ended({draining, closed}, _, _, _) ->
    <<"it has drained">>;
ended({_, stopped}, _, _, _) ->
    <<"it was stopped before it was ready">>;
ended({While, {owner_failed, _}}, _, _, _) ->
    words("its port failed while ~s", [While]);
ended({_, {Said, _}}, _, _, Fault) when Said =:= wire_fault; Said =:= fault ->
    Fault;
ended({greeting, _}, Status, Command, _) when is_integer(Status), Status > 0 ->
    case gwport_command:why_not_run(Command, Status) of
        {ok, Why} -> unicode:characters_to_binary(Why);
        unknown -> words("it ended before it was ready, ~s", [exit_status_in_words(Status)])
    end;
ended({While, Reason}, Status, _, _) when Reason =:= epipe; Reason =:= closed ->
    words("it ended while ~s, ~s", [While, exit_status_in_words(Status)]);
ended({While, Reason}, Status, _, _) ->
    words("it ended while ~s (~0p), ~s", [While, Reason, exit_status_in_words(Status)]).

words(Format, Args) ->
    unicode:characters_to_binary(io_lib:format(Format, Args)).

exit_status_in_words(Status) when is_integer(Status), Status > 128 ->
    io_lib:format("killed by signal ~b", [Status - 128]);
exit_status_in_words(Status) ->
    ["exit status ", exit_status(Status)].

whose(#life{pool = Pool, os_pid = OsPid, name = <<>>}) ->
    io_lib:format("the program of pool ~ts (~s)", [Pool, id(OsPid)]);
whose(#life{pool = Pool, os_pid = OsPid, name = Name}) ->
    io_lib:format("the program of pool ~ts (~ts, ~s)", [Pool, Name, id(OsPid)]).

id(undefined) -> "OS pid not known";
id(OsPid) -> io_lib:format("OS pid ~b", [OsPid]).

why({owner_failed, Tag}) -> io_lib:format("its port failed (~0p)", [Tag]);
why(epipe) -> "it took no more input (epipe)";
why(Reason) -> io_lib:format("~0p", [Reason]).

exit_status(unknown) -> "not told by OTP";
exit_status(Status) when Status > 128 -> io_lib:format("~b (signal ~b)", [Status, Status - 128]);
exit_status(Status) -> integer_to_list(Status).

%% Milliseconds since it was started.
-spec lived(life()) -> non_neg_integer().
lived(#life{since = Since}) ->
    now_ms() - Since.

duration(Ms) when Ms < 10000 -> io_lib:format("~b ms", [Ms]);
duration(Ms) -> io_lib:format("~b s", [Ms div 1000]).

now_ms() ->
    erlang:monotonic_time(millisecond).
