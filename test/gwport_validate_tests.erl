%% Each rule that an Erlang validator looks at has a case that breaks it and nothing else, and one that keeps it; the
%% rules themselves are those of the file that Go reads.
-module(gwport_validate_tests).

-define(PROPER_NO_TRANS, true).
-define(PROPER_NO_IMPORTS, true).
-include_lib("proper/include/proper.hrl").
-include_lib("eunit/include/eunit.hrl").

%% The cases

%% A rule, what breaks it, what keeps it. Each is a map: environ has what is different in the usual one (`none' takes a
%% key out), app is the app, and gateway calls it, as a usual one does if there is none.
cases() ->
    environ_cases() ++ input_cases() ++ response_cases() ++ deferred_cases() ++ body_cases().

environ_cases() ->
    [{Rule, #{environ => Break}, #{environ => Keep}} || {Rule, Break, Keep} <- [
        {"environ.value.text", #{<<"REMOTE_USER">> => user}, #{<<"REMOTE_USER">> => <<"user">>}},
        {"environ.key.text", #{user => <<"me">>}, #{<<"example.user">> => me}},
        {"environ.key.own", #{<<"USER">> => <<"me">>}, #{<<"HTTP_X_USER_2">> => <<"me">>}},
        {"environ.key.reserved", #{<<"gwport.user">> => <<"me">>}, #{<<"gwporty.user">> => <<"me">>}},
        {"environ.http.proxy", #{<<"HTTP_PROXY">> => <<"evil.example">>}, #{<<"HTTP_PROXY_AUTHORIZATION">> => <<"x">>}},
        {"environ.http.twin", #{<<"HTTP_CONTENT_TYPE">> => <<"a/b">>}, #{<<"CONTENT_TYPE">> => <<"a/b">>}},
        {"environ.http.value", #{<<"HTTP_X">> => <<"a\r\nb">>}, #{<<"HTTP_X">> => <<"a\tb", 255>>}},
        {"environ.method.token", #{<<"REQUEST_METHOD">> => <<"GET X">>}, #{<<"REQUEST_METHOD">> => <<"M-SEARCH">>}},
        {"environ.method.token", #{<<"REQUEST_METHOD">> => none}, #{}},
        {"environ.script.form", #{<<"SCRIPT_NAME">> => <<"shop">>, <<"gwport.script_name">> => none},
            #{<<"SCRIPT_NAME">> => <<>>, <<"gwport.script_name">> => none}},
        {"environ.path.form", #{<<"PATH_INFO">> => <<"tea">>, <<"gwport.path_info">> => none},
            #{<<"PATH_INFO">> => <<>>, <<"gwport.path_info">> => <<>>}},
        {"environ.path.form", #{<<"PATH_INFO">> => <<"*">>, <<"gwport.path_info">> => none},
            #{<<"PATH_INFO">> => <<"*">>, <<"gwport.path_info">> => none, <<"REQUEST_METHOD">> => <<"OPTIONS">>}},
        {"environ.path.form", #{<<"PATH_INFO">> => none},
            #{<<"PATH_INFO">> => <<"example.org:443">>, <<"gwport.path_info">> => none,
                <<"REQUEST_METHOD">> => <<"CONNECT">>}},
        {"environ.path.raw", #{<<"PATH_INFO">> => <<"/coffee">>},
            #{<<"PATH_INFO">> => <<"/a/b c">>, <<"gwport.path_info">> => <<"/a%2Fb%20c">>}},
        {"environ.query.there", #{<<"QUERY_STRING">> => none}, #{<<"QUERY_STRING">> => <<>>}},
        {"environ.server.name", #{<<"SERVER_NAME">> => <<"example.org:80">>}, #{<<"SERVER_NAME">> => <<"[::1]">>}},
        {"environ.server.name", #{<<"SERVER_NAME">> => <<"a b">>}, #{<<"SERVER_NAME">> => <<"::1">>}},
        {"environ.server.name", #{<<"SERVER_NAME">> => none}, #{<<"SERVER_NAME">> => <<>>}},
        {"environ.port.digits", #{<<"SERVER_PORT">> => <<"http">>}, #{<<"SERVER_PORT">> => <<"65535">>}},
        {"environ.port.digits", #{<<"REMOTE_PORT">> => <<"65536">>}, #{<<"REMOTE_PORT">> => <<"0">>}},
        {"environ.protocol.form", #{<<"SERVER_PROTOCOL">> => <<"HTTP/1.1\n">>}, #{<<"SERVER_PROTOCOL">> => <<"HTTP/2">>}},
        {"environ.length.digits", #{<<"CONTENT_LENGTH">> => <<"+5">>}, #{<<"CONTENT_LENGTH">> => <<"5">>}},
        {"environ.host.form", #{<<"HTTP_HOST">> => <<"http://example.org">>}, #{<<"HTTP_HOST">> => <<"[::1]:8080">>}},
        {"environ.version.pair", #{<<"gwport.version">> => <<"1.0">>}, #{<<"gwport.version">> => {1, 0}}},
        {"environ.scheme.name", #{<<"gwport.url_scheme">> => <<"ws">>}, #{<<"gwport.url_scheme">> => <<"https">>}},
        {"environ.flags.boolean", #{<<"gwport.run_once">> => <<"no">>}, #{<<"gwport.run_once">> => true}},
        {"environ.flags.boolean", #{<<"gwport.multithread">> => none}, #{<<"gwport.multithread">> => false}},
        {"environ.input.form", #{<<"gwport.input">> => <<"body">>}, #{<<"gwport.input">> => fun(_) -> eof end}},
        {"environ.errors.form", #{<<"gwport.errors">> => none}, #{<<"gwport.errors">> => fun(_) -> ok end}},
        {"environ.wake.form", #{<<"gwport.wake">> => none}, #{<<"gwport.wake">> => none, <<"gwport.async">> => false}}]].

input_cases() ->
    Read = fun(Sizes) -> fun(#{<<"gwport.input">> := Input}) -> [Input(Size) || Size <- Sizes], text(<<"read">>) end end,
    Input = fun(Answers) -> #{<<"gwport.input">> => input(Answers)} end,
    [{"input.read.size", #{app => Read([0]), environ => Input([{ok, <<>>}])},
            #{app => Read([1]), environ => Input([{ok, <<"1">>}])}},
        {"input.read.late", #{app => late(fun(Reader, Body) -> {Reader, Body} end)},
            #{app => late(fun(Reader, Body) -> {none, Reader(Body)} end)}},
        %% Before the body has ended.
        {"input.read.late", #{app => late(fun(Reader, Body) -> {Reader, Body} end), gateway => fun closed/2},
            #{app => late(fun(Reader, Body) -> {none, Reader(Body)} end)}},
        {"input.bytes", #{app => Read([4]), environ => Input([{ok, <<"12345">>}])},
            #{app => Read([4]), environ => Input([{ok, <<"1234">>}])}},
        {"input.bytes", #{app => Read([4]), environ => Input([{ok, <<>>}])},
            #{app => Read([4]), environ => Input([eof])}},
        {"input.bytes", #{app => Read([4]), environ => Input([{error, closed}])},
            #{app => Read([4]), environ => Input([{ok, <<"1">>}])}},
        {"input.length", #{app => Read([4, 4, 4]), environ => (Input([{ok, <<"1234">>}, {ok, <<"5678">>}, eof]))#{
            <<"CONTENT_LENGTH">> => <<"6">>}},
            #{app => Read([4, 4, 4]), environ => (Input([{ok, <<"1234">>}, {ok, <<"56">>}, eof]))#{
                <<"CONTENT_LENGTH">> => <<"6">>}}},
        {"input.length", #{app => Read([4, 4, 4]), environ => (Input([{ok, <<"1234">>}, eof, eof]))#{
            <<"CONTENT_LENGTH">> => <<"6">>}},
            %% What is not read to its end may be longer.
            #{app => Read([4]), environ => (Input([{ok, <<"1234">>}]))#{<<"CONTENT_LENGTH">> => <<"6">>}}},
        {"input.ended", #{app => Read([4, 4]), environ => Input([eof, {ok, <<"1">>}])},
            #{app => Read([4, 4]), environ => Input([eof, eof])}},
        {"errors.text", #{app => fun(#{<<"gwport.errors">> := Errors}) -> Errors(<<255>>), text(<<>>) end},
            #{app => fun(#{<<"gwport.errors">> := Errors}) -> Errors(["n", 233, <<"é"/utf8>>]), text(<<>>) end}}].

%% An app that reads its input when its body has ended, in its close, or before.
late(Order) ->
    fun(#{<<"gwport.input">> := Input}) ->
        Read = fun(Body) -> {ok, _} = Input(1), Body end,
        case Order(Read, <<"body">>) of
            {none, Body} -> generator([Body]);
            {Late, Body} -> closing(generator([Body]), fun() -> Late(Body) end)
        end
    end.

response_cases() ->
    Type = {<<"content-type">>, <<"text/plain">>},
    With = fun(Headers) -> {200, [Type | Headers], <<"body">>} end,
    Https = #{<<"gwport.url_scheme">> => <<"https">>},
    [{Rule, maps:merge(#{app => fun(_) -> Break end}, More), maps:merge(#{app => fun(_) -> Keep end}, More)}
        || {Rule, Break, Keep, More} <- [
        {"response.shape", ok, text(<<"body">>), #{}},
        {"response.shape", {200, [Type]}, text([]), #{}},
        {"response.shape", {[Type], 200, <<"body">>}, {200, [Type], <<"body">>}, #{}},
        {"response.status.range", {199, [Type], <<"body">>}, {999, [Type], <<"body">>}, #{}},
        {"response.status.range", {<<"200">>, [Type], <<"body">>}, {200, [Type], <<"body">>}, #{}},
        {"response.status.needs", {405, [Type], <<"no">>}, {405, [Type, {<<"Allow">>, <<"GET">>}], <<"no">>}, #{}},
        {"response.status.needs", {302, [Type], <<"no">>}, {302, [Type, {<<"location">>, <<"/tea">>}], <<"no">>}, #{}},
        {"response.status.needs", {206, [Type], <<"no">>},
            {206, [{<<"content-type">>, <<"multipart/byteranges; boundary=x">>}], <<"no">>}, #{}},
        {"response.status.needs", {401, [Type], <<"no">>}, {401, [Type, {<<"www-authenticate">>, <<"Basic">>}], <<"no">>}, #{}},
        {"response.reason.control", {{200, <<"a\nb">>}, [Type], <<"body">>}, {{200, <<"Good, ", 255>>}, [Type], <<"body">>}, #{}},
        {"response.reason.control", {{200, "Good"}, [Type], <<"body">>}, {{200, <<"Good">>}, [Type], <<"body">>}, #{}},
        {"response.headers.pairs", With([{"x-list", <<"1">>}]), With([{<<"x-list">>, <<"1">>}]), #{}},
        {"response.headers.pairs", With([{<<"x-number">>, 1}]), With([{<<"x-number">>, <<"1">>}]), #{}},
        {"response.headers.pairs", {200, [Type | {<<"a">>, <<"b">>}], <<"body">>}, With([{<<"a">>, <<"b">>}]), #{}},
        {"response.header.name", With([{<<"x a">>, <<"1">>}]), With([{<<"X-A">>, <<"1">>}]), #{}},
        {"response.header.value", With([{<<"x-a">>, <<"1\r\nset-cookie: a=1">>}]), With([{<<"x-a">>, <<"1\t2">>}]), #{}},
        {"response.header.hop", With([{<<"Connection">>, <<"close">>}]), With([{<<"x-connection">>, <<"close">>}]), #{}},
        {"response.header.hop", With([{<<"Upgrade">>, <<"h2c">>}]), {426, [Type, {<<"Upgrade">>, <<"h2c">>}], <<"no">>}, #{}},
        {"response.header.once", With([{<<"Content-Type">>, <<"a/b">>}]), With([{<<"vary">>, <<"a">>}, {<<"vary">>, <<"b">>}]), #{}},
        {"response.type.there", {200, [], <<"body">>}, {200, [{<<"Content-Type">>, <<>>}], <<"body">>}, #{}},
        {"response.type.there", {200, [], element(3, generator([<<"b">>]))}, {200, [], []}, #{}},
        {"response.type.none", {204, [Type], <<>>}, {204, [], <<>>}, #{}},
        {"response.type.none", {304, [Type], <<>>}, {304, [{<<"content-type">>, <<>>}], <<>>}, #{}},
        {"response.length.digits", With([{<<"content-length">>, <<"4 ">>}]), With([{<<"content-length">>, <<"4">>}]), #{}},
        {"response.length.digits", With([{<<"content-length">>, <<"4">>}, {<<"content-length">>, <<"4">>}]),
            With([{<<"content-length">>, <<>>}]), #{}},
        {"response.length.none", {204, [{<<"content-length">>, <<"0">>}], <<>>}, {304, [{<<"content-length">>, <<"4">>}], <<>>}, #{}},
        {"response.location.form", {302, [Type, {<<"location">>, <<"/a b">>}], <<"no">>},
            {302, [Type, {<<"location">>, <<"a%20b?c">>}], <<"no">>}, #{}},
        {"response.location.form", {302, [Type, {<<"location">>, <<>>}], <<"no">>},
            {201, [Type, {<<"location">>, <<"https://example.org/">>}], <<"yes">>}, #{}},
        {"response.cookie.form", With([{<<"set-cookie">>, <<"secret">>}]), With([{<<"set-cookie">>, <<"a=1; Path=/">>}]), #{}},
        {"response.cookie.form", With([{<<"set-cookie">>, <<"a b=1">>}]), With([{<<"set-cookie">>, <<"__Host-a=">>}]), #{}},
        {"response.cookie.secure", With([{<<"set-cookie">>, <<"a=1; HttpOnly">>}]),
            With([{<<"set-cookie">>, <<"a=1; HttpOnly;secure">>}]), #{environ => Https}},
        {"response.etag.quoted", With([{<<"etag">>, <<"abc">>}]), With([{<<"etag">>, <<"W/\"abc\"">>}]), #{}},
        {"response.etag.quoted", With([{<<"etag">>, <<"w/\"abc\"">>}]), With([{<<"etag">>, <<"\"\"">>}]), #{}},
        {"body.shape", {200, [Type], body}, {200, [Type], ["b", $o, <<"dy">>]}, #{}},
        {"body.shape", {200, [Type], [256]}, {200, [Type], [255]}, #{}},
        {"body.shape", {200, [Type], {fun() -> stop end, 0}}, {200, [Type], {fun(_) -> stop end, 0}}, #{}},
        {"body.length", With([{<<"content-length">>, <<"5">>}]), With([{<<"Content-Length">>, <<"4">>}]), #{}},
        {"body.none", {204, [], <<"body">>}, {204, [], []}, #{}},
        {"body.none", {304, [], <<"body">>}, {304, [], <<>>}, #{}}]].

deferred_cases() ->
    [{"deferred.allowed", #{app => fun(_) -> fun() -> text(<<"late">>) end end, environ => #{<<"gwport.async">> => false}},
            #{app => fun(_) -> fun() -> text(<<"late">>) end end}},
        {"deferred.answer", #{app => fun(_) -> in_turn([none, wait, not_yet]) end},
            #{app => fun(_) -> in_turn([none, wait, text(<<"late">>)]) end}},
        {"deferred.once", #{app => fun(_) -> in_turn([none, fun() -> text(<<"late">>) end]) end},
            #{app => fun(_) -> in_turn([text(<<"late">>)]) end}}].

body_cases() ->
    Blocks = fun(Given) -> #{app => fun(_) -> generator(Given) end} end,
    Sized = fun(Given, Size) ->
        #{app => fun(_) ->
            {200, Headers, Body} = generator(Given),
            {200, [{<<"content-length">>, integer_to_binary(Size)} | Headers], Body}
        end}
    end,
    Closed = fun(Gateway) -> #{app => fun(_) -> closing(generator([<<"b">>]), fun() -> ok end) end, gateway => Gateway} end,
    Headless = #{<<"REQUEST_METHOD">> => <<"HEAD">>},
    [{"body.block", Blocks([<<"b">>, nothing]), Blocks([<<"b">>, [], ["c", $d]])},
        {"body.block", #{app => fun(_) -> {200, type(), {fun(_) -> {more, <<"b">>} end, 0}} end},
            #{app => fun(_) -> {200, type(), {fun(_) -> {stop, "b"} end, 0}} end}},
        {"body.length", Sized([<<"12">>, <<"34">>], 3), Sized([<<"12">>, <<"34">>], 4)},
        {"body.length", Sized([<<"12">>, <<"34">>], 5),
            (Sized([<<"12">>], 5))#{environ => Headless}},
        {"body.close.there", Closed(fun(App, Environ) -> {_, _, {Next, State, _}} = App(Environ), blocks(Next, State) end),
            Closed(fun served/2)},
        {"body.close.there", Closed(fun(App, Environ) -> App(Environ) end),
            Closed(fun closed/2)},
        {"body.close.once", Closed(fun(App, Environ) -> {_, _, {_, _, Close}} = App(Environ), Close(), Close() end),
            Closed(fun served/2)},
        {"body.close.fails", #{app => fun(_) -> closing(generator([]), fun() -> error(oops) end) end},
            #{app => fun(_) -> closing(generator([]), fun() -> {error, oops} end) end}},
        {"body.read.closed", Closed(fun(App, Environ) ->
                {_, _, {Next, State, Close}} = App(Environ),
                Close(),
                Next(State)
            end), Closed(fun served/2)},
        {"body.read.ended", (Blocks([]))#{gateway => fun(App, Environ) ->
                {_, _, {Next, State}} = App(Environ),
                stop = Next(State),
                Next(State)
            end}, Blocks([])},
        {"body.read.none", (Blocks([]))#{environ => Headless, gateway => fun(App, Environ) ->
                {_, _, {Next, State}} = App(Environ),
                Next(State)
            end}, (Blocks([<<"b">>]))#{environ => Headless}},
        {"body.read.none", #{app => fun(_) -> {204, [], {fun(_) -> stop end, 0}} end, gateway => fun(App, Environ) ->
                {_, _, {Next, State}} = App(Environ),
                Next(State)
            end}, #{app => fun(_) -> {204, [], {fun(_) -> stop end, 0}} end}}].

%% What is held of them

what_breaks_a_rule_is_found_test_() ->
    [{Rule, ?_assertEqual([list_to_binary(Rule)], found(Break))} || {Rule, Break, _} <- cases()].

what_keeps_a_rule_is_not_test_() ->
    [{Rule, ?_assertEqual([], found(Keep))} || {Rule, _, Keep} <- cases()].

%% Each rule's check turned off in turn: what breaks it is not found any more, and all else is.
a_rule_that_is_turned_off_is_not_looked_at_test_() ->
    {timeout, 120, fun() ->
        Breaks = [Break || {_, Break, _} <- lists:ukeysort(1, cases())],
        [?assertEqual({Off, lists:sort(rules()) -- [Off]}, {Off, lists:usort(lists:append([found(Break, [Off])
            || Break <- Breaks]))}) || Off <- rules()]
    end}.

every_rule_for_erlang_has_its_cases_test() ->
    ?assertEqual(lists:sort(rules()), lists:usort([list_to_binary(Rule) || {Rule, _, _} <- cases()])).

rules() ->
    [Id || #{id := Id, checked := Checked} <- gwport_rules:all(), lists:member(erlang, Checked)].

%% What is made of the file is what the script makes of it now.
the_rules_are_those_of_the_file_test_() ->
    {timeout, 60, fun rules_of_the_file/0}.

rules_of_the_file() ->
    Script = "bridge/testdata/gateway_rules.escript",
    Made = os:cmd("cd '" ++ root() ++ "' && '" ++ os:find_executable("escript") ++ "' " ++ Script),
    {ok, Module} = file:read_file(filename:join([root(), "erlang", "gwport_rules.erl"])),
    ?assertEqual(as_it_is_made, case unicode:characters_to_binary(Made) of
        Module -> as_it_is_made;
        _ -> "run escript " ++ Script ++ " > erlang/gwport_rules.erl"
    end).

a_rule_is_named_by_its_id_and_by_what_it_begins_with_test() ->
    [?assertEqual(Is, gwport_rules:is_named(Name, <<"body.close.once">>)) || {Name, Is} <- [
        {<<"*">>, true}, {<<"body">>, true}, {<<"body.close">>, true}, {<<"body.close.once">>, true},
        {<<"body.cl">>, false}, {<<"body.close.once.more">>, false}, {<<>>, false}]],
    ?assertMatch(#{id := <<"errors.text">>, severity := warning, side := app}, gwport_rules:find(<<"errors.text">>)).

%% A gateway of ours breaks no rule, whatever a client asks for.
our_environs_are_without_findings_test_() ->
    gwport_gen:check(?FORALL(Request, request(),
        ?IMPLIES(gwport_request:check(Request) =:= ok, [] =:= gwport_validate_environ:breaches(whole(Request))))).

request() ->
    ?LET({Path, Query, Host, Name, Value, Version, Scheme}, {bytes("/%2Fab.*c ~"), bytes("a=&%/?"), bytes("ab-.9:[]"),
            bytes("ab-_x!"), bytes("a b\t,"), proper_types:oneof([{1, 0}, {1, 1}, {2, 0}]),
            proper_types:oneof([<<"http">>, <<"https">>])},
        (usual_request())#{<<"path">> => <<"/", Path/binary>>, <<"query">> => Query, <<"version">> => Version,
            <<"scheme">> => Scheme, <<"headers">> => [{<<"host">>, host(Host)}, {<<"x", Name/binary>>, Value},
                {<<"proxy">>, Value}]}).

%% Of which brackets and colons have their places.
host(Host) ->
    << <<C>> || <<C>> <= Host, C =/= $[, C =/= $], C =/= $: >>.

bytes(Of) ->
    ?LET(Bytes, proper_types:list(proper_types:elements(Of)), list_to_binary(Bytes)).

%% Options and reports

options_are_checked_test_() ->
    [{Text, ?_assertError(Error, gwport_validate:middleware(Options))} || {Text, Options, Error} <- [
        {"no option", #{excluded => []}, {bad_option, {excluded, [], "no such option"}}},
        {"no rule", [{exclude, [<<"body.cl">>]}], {bad_option, {exclude, [<<"body.cl">>], "no rule is named body.cl"}}},
        {"no list", #{exclude => body}, {bad_option, {exclude, body, "expected a list of names of rules"}}},
        {"no report", [{report, mail}], {bad_option, {report, mail, "expected log, fail, or a fun of one argument"}}},
        {"no options", 7, {bad_option, {validate, 7, "expected a map, a keyword list or a property list"}}}]]
        ++ [?_assert(is_function(gwport_validate:middleware(Options), 1)) || Options <- [#{}, [], [{report, fail}],
            #{exclude => ['body.close', "environ", <<"*">>], report => fun(_) -> ok end}]].

a_name_leaves_out_all_that_begin_with_it_test() ->
    {"response.header.hop", Break, _} = lists:keyfind("response.header.hop", 1, cases()),
    [?assertEqual([], found(Break, [Name])) || Name <- [<<"*">>, "response", 'response.header', <<"response.header.hop">>]],
    ?assertEqual([<<"response.header.hop">>], found(Break, ["body", "environ"])),
    App = fun(_) -> text(<<"fine">>) end,
    ?assertEqual(App, (gwport_validate:middleware(#{exclude => ["*"]}))(App)).

a_finding_says_where_and_what_to_do_test() ->
    [Finding] = findings(#{app => fun(_) -> {200, type() ++ [{<<"X-A">>, <<"secret\r\n">>}], <<>>} end}, []),
    ?assertMatch(#{rule := <<"response.header.value">>, severity := error, side := app, where := <<"header x-a">>,
        seen := <<"byte 13 at 6">>, method := <<"POST">>, path := <<"/shop/tea">>}, Finding),
    Line = gwport_validate:format(Finding),
    ?assertMatch({match, _}, re:run(Line, "^broken rule response\\.header\\.value in header x-a: A header's value has no "
        "control characters but tabs\\. Seen: byte 13 at 6\\. Encode .* \\(POST /shop/tea, app gwport_validate_tests:.*/1\\)$")),
    ?assertMatch({match, _}, re:run(gwport_validate:json(Finding), "^{\"rule\":\"response\\.header\\.value\","
        "\"severity\":\"error\",\"side\":\"app\",\"where\":\"header x-a\",\"seen\":\"byte 13 at 6\",.*"
        "\"method\":\"POST\",\"path\":\"/shop/tea\",\"app\":\"gwport_validate_tests:.*\"}$")).

a_request_has_no_more_findings_than_anybody_reads_test() ->
    Fields = [{<<"x-", (integer_to_binary(N))/binary>>, <<0>>} || N <- lists:seq(1, 64)],
    Count = fun(More) -> length(findings(#{app => fun(_) -> {200, type() ++ More, <<>>} end}, [])) end,
    ?assertEqual([63, 64, 64], [Count(tl(Fields)), Count(Fields), Count([{<<"y">>, <<0>>} | Fields])]).

%% Not in any of its parts, whatever is wrong.
a_finding_has_no_secrets_and_an_end_test_() ->
    Secret = <<"xyzzy-secret">>,
    Long = binary:copy(<<"a">>, 100000),
    Cases = [
        #{app => fun(_) -> {200, type() ++ [{<<"set-cookie">>, Secret}, {<<"authorization">>, <<Secret/binary, 0>>}], <<>>} end},
        #{app => fun(_) -> {200, type(), {secret, Secret}} end},
        #{app => fun(_) -> {ok, Secret} end},
        #{app => fun(_) -> Secret end},
        #{app => fun(_) -> generator([{secret, Secret}]) end},
        #{app => fun(_) -> {200, [{<<"x-secret">>, [Secret]}], <<>>} end},
        #{app => fun(_) -> {200, type() ++ [{<<"location">>, <<"/?q= ", Secret/binary>>}], <<>>} end},
        #{environ => #{<<"HTTP_COOKIE">> => {Secret}, <<"HTTP_AUTHORIZATION">> => <<Secret/binary, "\n">>,
            <<"QUERY_STRING">> => {Secret}}},
        #{app => fun(_) -> {200, type() ++ [{Long, Long}, {<<"a b", Long/binary>>, Long}, {<<"etag">>, Long}], <<>>} end},
        #{environ => #{<<"PATH_INFO">> => Long, <<"REQUEST_METHOD">> => <<" ", Long/binary>>}}],
    [?_test([?assertEqual({nomatch, true}, {binary:match(Text, Secret), byte_size(Text) < 2000})
        || Finding <- at_least_one(findings(Case, [])), Text <- [gwport_validate:format(Finding),
            gwport_validate:json(Finding)]]) || Case <- Cases].

at_least_one([_ | _] = Findings) -> Findings.

what_fails_is_an_error_and_a_warning_is_none_test() ->
    ok = logger:set_primary_config(level, none),
    try
        Middleware = gwport_validate:middleware([{report, fail}]),
        Wrong = Middleware(fun(_) -> {200, type() ++ [{<<"connection">>, <<"close">>}], <<>>} end),
        ?assertError({gwport_validate, 'response.header.hop'}, Wrong(environ(#{}))),
        Test = self(),
        Closed = Middleware(fun(_) -> {199, type(), {fun(_) -> stop end, 0, fun() -> Test ! closed end}} end),
        ?assertError({gwport_validate, 'response.status.range'}, Closed(environ(#{}))),
        receive closed -> ok end,
        Odd = Middleware(fun(_) -> {200, type() ++ [{<<"etag">>, <<"abc">>}], <<>>} end),
        ?assertMatch({200, _, <<>>}, Odd(environ(#{})))
    after
        logger:set_primary_config(level, notice)
    end.

%% Nothing is changed of what goes through, and each block goes through as it comes.
what_goes_through_is_as_it_was_test() ->
    App = fun(#{<<"gwport.input">> := Input, <<"PATH_INFO">> := Path}) ->
        {{200, <<"Fine">>}, [{<<"X-Path">>, Path} | type()], {fun
            (0) -> {continue, element(2, Input(2)), 1};
            (1) -> {stop, ["b", $c]}
        end, 0, fun() -> closed end}}
    end,
    Around = (gwport_validate:middleware([{report, fun(Finding) -> error(Finding) end}]))(App),
    {{200, <<"Fine">>}, [{<<"X-Path">>, <<"/tea">>} | _], {Next, State, Close}} =
        Around(environ(#{<<"gwport.input">> => input([{ok, <<"ab">>}])})),
    {continue, <<"ab">>, More} = Next(State),
    ?assertEqual({stop, ["b", $c]}, Next(More)),
    ?assertEqual(closed, Close()).

%% As a gateway calls an app

found(Case) ->
    found(Case, []).

found(Case, Exclude) ->
    lists:usort([Rule || #{rule := Rule} <- findings(Case, Exclude)]).

%% The app runs in a process that was started by another one, as with gwport_run, and both end.
findings(Case, Exclude) ->
    Test = self(),
    Tag = make_ref(),
    Around = gwport_validate:middleware(#{exclude => Exclude, report => fun(Finding) -> Test ! {Tag, Finding} end}),
    App = Around(maps:get(app, Case, fun(_) -> text(<<"fine">>) end)),
    Environ = environ(maps:get(environ, Case, #{})),
    Gateway = maps:get(gateway, Case, fun served/2),
    {Starter, Monitor} = spawn_monitor(fun() ->
        {Pid, Ends} = spawn_monitor(fun() -> Gateway(App, Environ), Test ! {Tag, watchers, watchers()} end),
        receive {'DOWN', Ends, process, Pid, normal} -> ok end
    end),
    receive {'DOWN', Monitor, process, Starter, normal} -> ok end,
    Watchers = receive {Tag, watchers, Pids} -> Pids end,
    [receive {'DOWN', Ends, process, _, _} -> ok end || Ends <- [erlang:monitor(process, Pid) || Pid <- Watchers]],
    said(Tag).

said(Tag) ->
    receive {Tag, Finding} -> [Finding | said(Tag)]
    after 0 -> []
    end.

%% Those that look after a body of the calling process.
watchers() ->
    [Pid || Pid <- processes(), erlang:process_info(Pid, parent) =:= {parent, self()}].

served(App, Environ = #{<<"REQUEST_METHOD">> := Method}) ->
    case resolved(App(Environ), 4) of
        {Status, _, {Next, State}} -> asked(Method, Status, Next, State);
        {Status, _, {Next, State, Close}} -> asked(Method, Status, Next, State), close(Close);
        _ -> ok
    end;
served(App, Environ) ->
    App(Environ).

%% Of a client that leaves at once.
closed(App, Environ) ->
    {_, _, {_, _, Close}} = App(Environ),
    Close().

asked(Method, Status, _, _) when Method =:= <<"HEAD">>; Status =:= 204; Status =:= 304 -> ok;
asked(_, _, Next, State) when is_function(Next, 1) -> blocks(Next, State);
asked(_, _, _, _) -> ok.

close(Close) ->
    try Close()
    catch error:oops -> ok
    end.

resolved(Deferred, Left) when is_function(Deferred, 0), Left > 0 -> resolved(Deferred(), Left, Deferred);
resolved(Response, _) -> Response.

resolved(Later, Left, Deferred) when Later =:= none; Later =:= wait -> resolved(Deferred, Left - 1);
resolved(Response, _, _) -> Response.

blocks(Next, State0) ->
    case Next(State0) of
        {continue, _, State} -> blocks(Next, State);
        _ -> ok
    end.

%% Apps and their parts

type() ->
    [{<<"content-type">>, <<"text/plain">>}].

text(Body) ->
    {200, type(), Body}.

generator(Blocks) ->
    {200, type(), {fun
        ([Block | Rest]) -> {continue, Block, Rest};
        ([]) -> stop
    end, Blocks}}.

closing({Status, Headers, {Next, State}}, Close) ->
    {Status, Headers, {Next, State, Close}}.

%% A fun that says one thing after another.
in_turn(Answers) ->
    Key = make_ref(),
    fun() ->
        [Answer | Rest] = case get(Key) of undefined -> Answers; Left -> Left end,
        put(Key, Rest),
        Answer
    end.

input(Answers) ->
    Say = in_turn(Answers),
    fun(_) -> Say() end.

environ(Changes) ->
    maps:filter(fun(_, Value) -> Value =/= none end, maps:merge(whole(usual_request()), Changes)).

%% What gwport_run_app makes of it.
whole(Request) ->
    (gwport_environ:environ(Request))#{<<"gwport.async">> => true, <<"gwport.input">> => fun(_) -> {ok, <<"1">>} end,
        <<"gwport.errors">> => fun(_) -> ok end, <<"gwport.wake">> => fun() -> ok end, <<"gwport.request">> => {Request, 0}}.

usual_request() ->
    #{<<"method">> => <<"POST">>, <<"path">> => <<"/shop/tea">>, <<"query">> => <<"q=1">>, <<"version">> => {1, 1},
        <<"scheme">> => <<"http">>, <<"host">> => <<"example.org">>, <<"port">> => 80,
        <<"peer">> => {<<"192.0.2.7">>, 51234}, <<"local">> => {<<"192.0.2.1">>, 80},
        <<"headers">> => [{<<"host">>, <<"example.org">>}], <<"path_info">> => 1}.

root() ->
    Source = proplists:get_value(source, ?MODULE:module_info(compile)),
    filename:dirname(filename:dirname(Source)).
